/** How questions about revisions are asked, page by page. */
import type * as v from 'valibot';
import { type InspectRequest, inspectRevisions } from '../../core/fetch/inspect-request.ts';
import { type ApiOptions, apiAccess } from '../api-access.ts';
import { readAnswer } from './answers.ts';

export interface InspectOptions extends ApiOptions {
  readonly kongVersion?: string;
  readonly json?: true;
}

type Query = Readonly<Record<string, string>>;
/** Asks for one page of a view. */
export type Ask = <Schema extends v.GenericSchema>(
  schema: Schema,
  view: InspectRequest['view'],
  query: Query,
) => Promise<ReturnType<typeof readAnswer<Schema>>>;

/** @throws InvalidArgumentError, or StandbyError `denied` without usable credentials */
export async function asker(options: InspectOptions): Promise<Ask> {
  const access = await apiAccess(options);
  return async (schema, view, query) =>
    readAnswer(schema, await inspectRevisions({ ...access, view, query }));
}

export function versionOf({ kongVersion }: InspectOptions): Query {
  return kongVersion === undefined ? {} : { version: kongVersion };
}

interface Paging {
  /** The parameter that the page before gives a value. @default 'page' */
  readonly goesOn?: 'page' | 'after';
  /** Whether one more is wanted. @default not once who reads what is printed has closed the pipe */
  readonly isWanted?: () => boolean;
}

/** Asks for all pages of a view, one after another. */
export async function* pages<Schema extends v.GenericSchema<unknown, { readonly next?: string | undefined }>>(
  ask: Ask,
  schema: Schema,
  view: InspectRequest['view'],
  query: Query,
  { goesOn = 'page', isWanted = () => process.stdout.writable }: Paging = {},
) {
  let next: string | undefined;
  do {
    const page = await ask(schema, view, next === undefined ? query : { ...query, [goesOn]: next });
    yield page;
    next = page.read.next;
  } while (next !== undefined && isWanted());
}

/** One line that the next one replaces, on a terminal only; the empty one takes it away. */
export function showProgress(text: string): void {
  if (process.stderr.isTTY) {
    process.stderr.write(`\r\u001b[K${text}`);
  }
}
