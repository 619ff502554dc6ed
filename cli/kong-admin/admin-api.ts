/** Asks the Admin API of a Kong control plane. */
import { InvalidArgumentError } from 'commander';
import * as v from 'valibot';
import { systemClock } from '../../core/clock.ts';
import { ApiError } from '../../core/fetch/api-request.ts';
import { isThisMachine, urlBelow } from '../../core/fetch/endpoint-url.ts';
import { describeRequestFailure, fetchOver, readBodyText } from '../../core/fetch/http-client.ts';
import type { Network } from '../../core/fetch/network.ts';
import { readExplanation } from '../../core/fetch/signed-request.ts';
import { type AdminApiOptions, adminTokenVariable } from '../admin-api-options.ts';
import { forTerminal } from '../inspection/words.ts';

const timeoutMs = 15_000;
/** Thousands of plugins are some MB. */
const largestAnswerBytes = 64 * 2 ** 20;

export interface AdminRequest {
  /** @default GET */
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** JSON. */
  readonly body?: object;
  /** What of it must not be told, where Kong repeats what was sent. */
  readonly secret?: string | undefined;
}

export interface AdminApi {
  /** Without user and password, which it cannot have. */
  readonly url: URL;
  readonly workspace?: string | undefined;
  /**
   * Sends a request, in the workspace.
   *
   * @returns the answer, and undefined for a 404
   * @throws ApiError `denied` for a 401 or 403, `refused` for what it does not take, `failed` when it does
   * not answer, or with something else
   */
  ask<Schema extends v.GenericSchema>(
    schema: Schema,
    request: AdminRequest,
  ): Promise<v.InferOutput<Schema> | undefined>;
}

/**
 * @throws InvalidArgumentError where a token would go over a network in clear text, or there is no URL
 */
export function openAdminApi({ adminUrl: url, workspace }: AdminApiOptions, network: Network): AdminApi {
  if (url === undefined) {
    throw new InvalidArgumentError('--admin-url (LIFEBOAT_ADMIN_URL) is missing');
  }
  const token = process.env[adminTokenVariable];
  if (token !== undefined) {
    requirePrivate(url, adminTokenVariable);
  }
  const fetch = fetchOver(network);
  return {
    url,
    workspace,
    async ask(schema, { method = 'GET', path, query = {}, body, secret }) {
      const asked = urlBelow(url, `${workspace === undefined ? '' : `/${workspace}`}${path}`, query);
      const answer = await send(fetch, asked, method, {
        ...(token === undefined ? {} : { token }),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const said = `The Admin API at ${url.origin} answered ${answer.status} to ${method} ${path}`;
      if (answer.status === 404) {
        return undefined;
      }
      if (answer.status >= 300) {
        throw describeRefusal(answer, said, { token, secret });
      }
      const read = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), answer.text || 'null');
      if (!read.success) {
        throw new ApiError('failed', `${said}, and not as Kong does: check --admin-url`);
      }
      return read.output;
    },
  };
}

// An empty list is an empty object where Lua has written it.
const listOf = <Row extends v.GenericSchema>(row: Row) =>
  v.object({ data: v.union([v.array(row), v.strictObject({})]), offset: v.optional(v.string()) });

/**
 * All rows of a list, page by page.
 *
 * @throws ApiError as `ask`, and for a list that is not there
 */
export async function readRows<Row extends v.GenericSchema>(
  admin: Pick<AdminApi, 'ask'>,
  path: string,
  row: Row,
): Promise<readonly v.InferOutput<Row>[]> {
  const rows: v.InferOutput<Row>[] = [];
  let offset: string | undefined;
  do {
    const query = { size: '1000', ...(offset === undefined ? {} : { offset }) };
    const page: v.InferOutput<ReturnType<typeof listOf<Row>>> = requireAnswer(
      await admin.ask(listOf(row), { path, query }),
      path,
    );
    rows.push(...(Array.isArray(page.data) ? page.data : []));
    offset = page.offset;
  } while (offset !== undefined);
  return rows;
}

/** @throws ApiError for a 404 */
export function requireAnswer<Answer>(answer: Answer | undefined, path: string): Answer {
  if (answer === undefined) {
    throw new ApiError(
      'failed',
      `The Admin API has no ${path}: is this the Admin API of a control plane, and is the workspace there?`,
    );
  }
  return answer;
}

/**
 * A secret goes over a network encrypted, or not at all.
 *
 * @param secret what it is called
 * @throws InvalidArgumentError
 */
export function requirePrivate(url: URL, secret: string): void {
  if (url.protocol === 'http:' && !isThisMachine(url)) {
    throw new InvalidArgumentError(
      `${secret} would go to ${url.origin} in clear text: give an https:// URL, or reach it over a tunnel to this machine (ssh -L, kubectl port-forward)`,
    );
  }
}

async function send(
  fetch: ReturnType<typeof fetchOver>,
  url: URL,
  method: NonNullable<AdminRequest['method']>,
  { token, body }: { readonly token?: string; readonly body?: string },
): Promise<{ readonly status: number; readonly text: string }> {
  try {
    const response = await fetch(url, {
      method,
      signal: systemClock.deadline(timeoutMs),
      headers: {
        accept: 'application/json',
        ...(token === undefined ? {} : { 'kong-admin-token': token }),
        ...(body === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }),
      },
      ...(body === undefined ? {} : { body }),
    });
    return { status: response.status, text: (await readBodyText(response, largestAnswerBytes)).text };
  } catch (error) {
    throw new ApiError(
      'failed',
      `The Admin API at ${url.origin} did not answer (${describeRequestFailure(error)}). Check --admin-url and the way there`,
      { cause: error },
    );
  }
}

function describeRefusal(
  { status, text }: { readonly status: number; readonly text: string },
  said: string,
  secrets: { readonly token: string | undefined; readonly secret: string | undefined },
): ApiError {
  const told = Object.values(secrets).reduce(
    (explanation: string, secret) => (secret ? explanation.replaceAll(secret, '(secret)') : explanation),
    readExplanation(text),
  );
  const words = forTerminal(told);
  if (status === 401 || status === 403) {
    const advice =
      secrets.token !== undefined
        ? `the token in ${adminTokenVariable} may not do that`
        : `it demands a token: put one into ${adminTokenVariable}, or name its file in ${adminTokenVariable}_FILE`;
    return new ApiError('denied', `${said}${words}: ${advice}`);
  }
  return status >= 500 || status < 400
    ? new ApiError('failed', `${said}${words}. Ask again`)
    : new ApiError('refused', `${said}${words}`);
}
