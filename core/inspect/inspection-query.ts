import * as v from 'valibot';
import { kongVersion, objectVersionId } from '../names.ts';
import type { Problem } from '../problem.ts';

/** What may be asked about a control plane's files. */
export const viewNames = ['status', 'revisions', 'revision', 'verification', 'diff'] as const;
export type ViewName = (typeof viewNames)[number];

const number = (field: string) =>
  v.pipe(
    v.string(),
    v.regex(/^[1-9]\d{0,14}$/, `"${field}" is the number of a revision: 1, 2, 3, …`),
    v.transform(Number),
  );
const version = v.optional(kongVersion);

/** Where a page goes on: the same versions of the objects, from this entry on. */
const cursor = v.pipe(
  v.string(),
  v.regex(/^[\w-]{1,4000}$/, '"page" is what the page before called "next"'),
  v.transform((text) => Buffer.from(text, 'base64url').toString('utf8')),
  v.parseJson(undefined, '"page" is what the page before called "next"'),
  v.object({ ids: v.array(objectVersionId), at: v.pipe(v.number(), v.safeInteger(), v.minValue(0)) }),
);
export type Cursor = v.InferOutput<typeof cursor>;

export function writeCursor(next: Cursor): string {
  return Buffer.from(JSON.stringify(next)).toString('base64url');
}

/** A revision by its number. */
export const revisionQuery = v.strictObject({ version, revision: number('revision') });

const views = {
  status: v.strictObject({}),
  revisions: v.strictObject({
    version,
    after: v.optional(objectVersionId),
    limit: v.optional(
      v.pipe(
        v.string(),
        v.regex(/^(?:[1-9]|[1-9]\d|100)$/, '"limit" is a number from 1 to 100'),
        v.transform(Number),
      ),
      '30',
    ),
  }),
  revision: v.strictObject({
    version,
    revision: number('revision'),
    entities: v.optional(v.literal('none', '"entities" is "none", or left out')),
    page: v.optional(cursor),
  }),
  verification: revisionQuery,
  diff: v.strictObject({ version, from: number('from'), to: number('to'), page: v.optional(cursor) }),
};

type Queries = { readonly [View in ViewName]: v.InferOutput<(typeof views)[View]> };

export type InspectionQuery = {
  [View in ViewName]: { readonly view: View } & Readonly<Queries[View]>;
}[ViewName];

/** @param parameters of the URL's query */
export function parseQuery(
  parameters: Readonly<Record<string, string | undefined>>,
): InspectionQuery | Problem {
  const { view = 'status', ...others } = parameters;
  if (!isViewName(view)) {
    return refuse(`"view" is one of ${viewNames.join(', ')}.`);
  }
  const parsed = v.safeParse(views[view], others);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    const known = Object.keys(views[view].entries).join(', ');
    // Of the object itself: a parameter too many, or one too few.
    if (issue.type === 'strict_object') {
      return refuse(
        issue.expected === 'never'
          ? `View "${view}" takes ${known === '' ? 'no parameters' : known}: leave the others out.`
          : `View "${view}" needs ${issue.expected}, the number of a revision.`,
      );
    }
    return refuse(`${issue.message}.`);
  }
  return { view, ...parsed.output } as InspectionQuery;
}

function isViewName(name: string): name is ViewName {
  return (viewNames as readonly string[]).includes(name);
}

function refuse(detail: string): Problem {
  return { status: 400, title: 'Not understood', detail };
}
