import {
  type ApiConstructor,
  ApiDocumentedItem,
  type ApiItem,
  ApiItemKind,
  type ApiMethod,
  type ApiPackage,
  type ApiPropertyItem,
  type ApiTypeAlias,
  type Excerpt,
} from '@microsoft/api-extractor-model';

/** A comment, in its parts. */
interface Comment {
  readonly text: string;
  /** What follows a tag, such as `throws` or `default`. */
  readonly tags: ReadonlyMap<string, string>;
}

/** Something that lib/index.ts exports. */
interface Exported {
  readonly item: ApiItem;
  readonly name: string;
}

const marker = '<!-- Made of the comments in lib/ by `npm run docs:api`: change them, and run it. -->';

/**
 * Makes the pages of docs/api/: one for each thing that the package exports, and one that lists them.
 *
 * @returns contents by file name
 */
export function makeApiPages(api: ApiPackage): ReadonlyMap<string, string> {
  const exported = (api.entryPoints[0]?.members ?? []).map((item) => ({ item, name: item.displayName }));
  const names = new Set(exported.map(({ name }) => name));
  return new Map([
    ['README.md', formatIndex(exported)],
    ...exported.map((each) => [`${each.name}.md`, formatPage(each, names)] as const),
  ]);
}

function formatIndex(exported: readonly Exported[]): string {
  const isProps = ({ name }: Exported) => name.endsWith('Props');
  const isConstruct = ({ item }: Exported) =>
    item.kind === ApiItemKind.Class && item.members.some(({ kind }) => kind === ApiItemKind.Constructor);
  const groups = [
    ['Made by an app', exported.filter(isConstruct)],
    ['Their properties', exported.filter(isProps)],
    ['What is in them', exported.filter((each) => !isConstruct(each) && !isProps(each))],
  ] as const;
  return joinParts([
    marker,
    '# API',
    "What `import { … } from 'kong-lifeboat'` gives. The settings have [a page with more](../settings.md).",
    ...groups.flatMap(([title, those]) => [
      `## ${title}`,
      formatTable(
        ['name', 'what it is'],
        those.map(({ item, name }) => [`[\`${name}\`](${name}.md)`, firstSentence(readComment(item).text)]),
      ),
    ]),
  ]);
}

function formatPage({ item, name }: Exported, names: ReadonlySet<string>): string {
  const { text, tags } = readComment(item);
  const link = (excerpt: Excerpt) => listNames(excerpt, names, name);
  const properties = item.members.filter(isProperty);
  const ofClass = item.kind === ApiItemKind.Class;
  const [maker] = item.members.filter(({ kind }) => kind === ApiItemKind.Constructor) as ApiConstructor[];
  const methods = item.members.filter(({ kind }) => kind === ApiItemKind.Method) as ApiMethod[];
  const parents = 'extendsTypes' in item || 'extendsType' in item ? listParents(item, names, name) : [];
  return joinParts([
    marker,
    `# ${name}`,
    linkDocuments(text),
    ...formatTags(tags),
    ...(parents.length === 0 ? [] : [`It also has what ${parents.join(' and ')} has.`]),
    ...(item.kind === ApiItemKind.TypeAlias ? [formatCode((item as ApiTypeAlias).excerpt.text)] : []),
    ...(maker === undefined ? [] : formatConstructor(maker, name)),
    ...(properties.length === 0
      ? []
      : [
          '## Properties',
          formatProperties(properties, { hasDefaults: !ofClass, given: name.endsWith('Props') }, link),
        ]),
    ...(methods.length === 0
      ? []
      : ['## Methods', ...methods.flatMap((method) => formatMethod(method, name))]),
  ]);
}

function isProperty(item: ApiItem): item is ApiPropertyItem {
  const isOne = item.kind === ApiItemKind.Property || item.kind === ApiItemKind.PropertySignature;
  // One without a type has a value instead, which says nothing here.
  return isOne && (item as ApiPropertyItem).propertyTypeExcerpt.text !== '';
}

/** Own names that a type is made of, as links. */
function listNames(excerpt: Excerpt, names: ReadonlySet<string>, besides: string): readonly string[] {
  const found = excerpt.spannedTokens.map(({ text }) => text).filter((text) => names.has(text));
  return [...new Set(found)].filter((each) => each !== besides).map((each) => `[${each}](${each}.md)`);
}

function listParents(item: ApiItem, names: ReadonlySet<string>, besides: string): readonly string[] {
  const { extendsType, extendsTypes } = item as {
    readonly extendsType?: { readonly excerpt: Excerpt };
    readonly extendsTypes?: readonly { readonly excerpt: Excerpt }[];
  };
  const excerpts = [...(extendsTypes ?? []), ...(extendsType === undefined ? [] : [extendsType])];
  return excerpts.flatMap(({ excerpt }) => {
    const [parent = ''] = excerpt.text.split('<');
    const isCdk = excerpt.spannedTokens.some(({ canonicalReference }) =>
      /^(aws-cdk-lib|constructs)\b/.test(canonicalReference?.toString() ?? ''),
    );
    const own = listNames(excerpt, names, besides)[0];
    return own ?? (isCdk ? [`CDK's \`${parent.trim()}\``] : []);
  });
}

function formatConstructor(maker: ApiConstructor, name: string): readonly string[] {
  const { text, tags } = readComment(maker);
  const isOurs = !text.startsWith('Constructs a new instance');
  return [
    formatCode(maker.excerpt.text.replace('constructor', `new ${name}`)),
    ...(isOurs ? [linkDocuments(text)] : []),
    ...formatTags(tags),
  ];
}

function formatMethod(method: ApiMethod, ofClass: string): readonly string[] {
  const { text, tags } = readComment(method);
  return [
    `### ${method.displayName}`,
    formatCode(method.excerpt.text.replace(/^static /, `${ofClass}.`)),
    linkDocuments(text),
    ...formatTags(tags),
  ];
}

function formatProperties(
  properties: readonly ApiPropertyItem[],
  { hasDefaults, given }: { readonly hasDefaults: boolean; readonly given: boolean },
  link: (excerpt: Excerpt) => readonly string[],
): string {
  const rows = properties.map((property) => {
    const { text, tags } = readComment(property);
    const links = link(property.propertyTypeExcerpt);
    const type = property.propertyTypeExcerpt.text.replace(/\s+/g, ' ').replace(/ \| undefined$/, '');
    const fallback = property.isOptional
      ? (tags.get('default') ?? 'none')
      : given
        ? '(needed)'
        : '(always there)';
    return [
      `\`${property.displayName}\``,
      `\`${type}\`${links.length === 0 ? '' : ` (${links.join(', ')})`}`,
      ...(hasDefaults ? [linkDocuments(fallback)] : []),
      linkDocuments(text),
    ];
  });
  return formatTable(['name', 'type', ...(hasDefaults ? ['default'] : []), 'what it is'], rows);
}

function formatTags(tags: ReadonlyMap<string, string>): readonly string[] {
  const thrown = tags.get('throws');
  return thrown === undefined ? [] : [`Throws: ${linkDocuments(thrown.replace(/^(\w*Error)/, '`$1`'))}`];
}

function readComment(item: ApiItem): Comment {
  const comment = item instanceof ApiDocumentedItem ? item.tsdocComment?.emitAsTsdoc() : undefined;
  const [text = '', ...tagged] = (comment ?? '')
    .replace(/^\/\*\*|\*\/\s*$/g, '')
    .replace(/^[ \t]*\* ?/gm, '')
    .split(/(?:^|\s)@(?=(?:default|param|returns|throws)\b)/);
  return {
    text: text.trim(),
    tags: new Map(
      tagged.map((each) => {
        const [tag = ''] = /^\w+/.exec(each) ?? [];
        return [tag, each.slice(tag.length).trim()];
      }),
    ),
  };
}

function firstSentence(text: string): string {
  const [sentence = ''] = /^[\s\S]*?[.:](?=\s|$)/.exec(text) ?? [text];
  return linkDocuments(sentence.replace(/:$/, '.'));
}

/** What comments call `docs/…` is a link on a page of docs/api/. Line breaks are the source's. */
function linkDocuments(text: string): string {
  return text
    .replace(/[ \t]*\n(?!\n)[ \t]*(?=\S)(?<!\n\n)/g, ' ')
    .replace(/(?<![\w/`])docs\/([\w-]+\.md(?:#[\w-]+)?)/g, '[docs/$1](../$1)');
}

function formatCode(code: string): string {
  return `\`\`\`ts\n${code.replace(/\s+/g, ' ').replace(/^export (?:declare )?|;$/g, '')}\n\`\`\``;
}

function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replace(/\s*\n\s*/g, ' ').replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(header), `|${'---|'.repeat(header.length)}`, ...rows.map(line)].join('\n');
}

function joinParts(parts: readonly string[]): string {
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}
