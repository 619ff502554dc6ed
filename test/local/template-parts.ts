import type { SynthesizedTemplate } from '../../template/template.ts';

/** Something that a template says, and that the local system should miss. */
export interface TemplatePart {
  readonly kind: 'variable' | 'resource' | 'statement';
  readonly name: string;
  /** What a sentence about its absence should contain; one of these. */
  readonly naming: readonly string[];
  readonly without: SynthesizedTemplate;
}

interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Sid?: string;
}

/** Where policies stand: `Properties`' names on the way to a list of statements. */
const policyPaths: Readonly<Record<string, readonly (readonly string[])[]>> = {
  'AWS::IAM::Policy': [['PolicyDocument', 'Statement']],
  'AWS::IAM::Role': [
    ['AssumeRolePolicyDocument', 'Statement'],
    ['Policies', '0', 'PolicyDocument', 'Statement'],
  ],
  'AWS::KMS::Key': [['KeyPolicy', 'Statement']],
  'AWS::S3::BucketPolicy': [['PolicyDocument', 'Statement']],
  'AWS::SQS::QueuePolicy': [['PolicyDocument', 'Statement']],
};

/** Only watch what runs, or only hold statements, which are parts of their own. */
const noParts = [
  'AWS::CloudWatch::Alarm',
  'AWS::CloudWatch::CompositeAlarm',
  'AWS::CloudWatch::Dashboard',
  'AWS::IAM::Policy',
  'AWS::S3::BucketPolicy',
  'AWS::SQS::QueuePolicy',
];

/** Each variable of a function, each resource, and each statement of a policy that allows something. */
export function templateParts(template: SynthesizedTemplate): readonly TemplatePart[] {
  return Object.entries(template.Resources).flatMap(([id, { Type }]) => [
    ...(noParts.includes(Type) ? [] : [resourcePart(template, id, Type)]),
    ...(Type === 'AWS::Lambda::Function' ? variableParts(template, id) : []),
    ...(policyPaths[Type] ?? []).flatMap((path) => statementParts(template, id, path)),
  ]);
}

/** The template without these resources. */
export function withoutResources(
  template: SynthesizedTemplate,
  ...ids: readonly string[]
): SynthesizedTemplate {
  const without = structuredClone(template);
  for (const id of ids) {
    delete without.Resources[id];
  }
  return without;
}

function resourcePart(template: SynthesizedTemplate, id: string, type: string): TemplatePart {
  const { RouteKey } = template.Resources[id]?.Properties ?? {};
  return {
    kind: 'resource',
    name: `${type} ${id}`,
    naming:
      typeof RouteKey === 'string'
        ? [RouteKey.replace(/\{.*/, '')]
        : type === 'AWS::Lambda::Permission'
          ? ['lambda:InvokeFunction']
          : [id, type],
    without: withoutResources(template, id),
  };
}

function variableParts(template: SynthesizedTemplate, id: string): readonly TemplatePart[] {
  return Object.keys(within(template, id, ['Environment', 'Variables'])).map((name) => {
    const without = structuredClone(template);
    delete within(without, id, ['Environment', 'Variables'])[name];
    return { kind: 'variable', name: `${id} ${name}`, naming: [name], without };
  });
}

function statementParts(
  template: SynthesizedTemplate,
  id: string,
  path: readonly string[],
): readonly TemplatePart[] {
  const statements = within(template, id, path) as unknown as readonly Statement[] | undefined;
  return (statements ?? []).flatMap(({ Effect, Action, Sid }, index) => {
    if (Effect !== 'Allow') {
      return [];
    }
    const without = structuredClone(template);
    (within(without, id, path) as unknown as Statement[]).splice(index, 1);
    const actions = [Action].flat();
    return [
      {
        kind: 'statement' as const,
        name: `${id} ${Sid ?? ''} ${actions.join(', ')}`.replace('  ', ' '),
        // `kms:*` is missed where one of its actions is.
        naming: actions.map((action) => action.replace('*', '')),
        without,
      },
    ];
  });
}

function within(
  { Resources }: SynthesizedTemplate,
  id: string,
  path: readonly string[],
): Record<string, unknown> {
  return path.reduce<Record<string, unknown>>(
    (value, name) => value?.[name] as Record<string, unknown>,
    Resources[id]?.Properties ?? {},
  );
}
