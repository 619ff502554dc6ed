import type { IncomingMessage } from 'node:http';

export interface QueryParameter {
  readonly name: string;
  readonly value: string;
}

/** An HTTP request as it came over the wire, read to its end. */
export interface ReceivedRequest {
  readonly method: string;
  /** Still percent-encoded: services differ in how they decode it. */
  readonly path: string;
  /** Decoded once, here, so that what is verified and what is executed cannot differ. */
  readonly query: readonly QueryParameter[];
  /** Lower-case names; repeated headers joined by `,`. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

/** The request cannot be read at all. */
export class UnreadableRequest extends Error {
  override readonly name = 'UnreadableRequest';
  readonly code: 'malformed' | 'too-large';

  constructor(code: UnreadableRequest['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** Percent-decodes UTF-8; throws {@link UnreadableRequest} where that fails. */
export function percentDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new UnreadableRequest('malformed', `"${text}" is not percent-encoded UTF-8`);
  }
}

function parseQuery(query: string): QueryParameter[] {
  return query
    .split('&')
    .filter((part) => part !== '')
    .map((part) => {
      const [name = '', ...value] = part.replaceAll('+', '%20').split('=');
      return { name: percentDecode(name), value: percentDecode(value.join('=')) };
    });
}

/** Splits a request target (`/a%20b?x=1`) into the encoded path and the decoded query. */
export function parseTarget(target: string): Pick<ReceivedRequest, 'path' | 'query'> {
  if (!/^\/[\x21-\x7e]*$/.test(target)) {
    throw new UnreadableRequest('malformed', 'the request target is not a percent-encoded path');
  }
  const [path = '', ...query] = target.split('?');
  return { path, query: parseQuery(query.join('?')) };
}

/** Value of a query parameter; throws {@link UnreadableRequest} where it is given twice. */
export function queryValue(request: Pick<ReceivedRequest, 'query'>, name: string): string | undefined {
  const [first, second] = request.query.filter((parameter) => parameter.name === name);
  if (second !== undefined) {
    // Two values let a proxy check one and the service use the other.
    throw new UnreadableRequest('malformed', `the query parameter ${name} is given twice`);
  }
  return first?.value;
}

/** Reads a request to its end; throws {@link UnreadableRequest} for a body over `limitBytes`. */
export async function receiveRequest(message: IncomingMessage, limitBytes: number): Promise<ReceivedRequest> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  // Not `for await`, which destroys the socket on the way out: the client could not read why it was refused.
  await new Promise<void>((resolve, reject) => {
    message.on('data', (chunk: Buffer) => {
      sizeBytes += chunk.length;
      if (sizeBytes <= limitBytes) {
        chunks.push(chunk);
      } else {
        chunks.length = 0;
      }
    });
    message.on('end', resolve);
    message.on('error', reject);
  });
  if (sizeBytes > limitBytes) {
    throw new UnreadableRequest('too-large', `the body is larger than ${limitBytes} bytes`);
  }
  const headers = Object.entries(message.headersDistinct).map(
    ([name, values]) => [name, (values ?? []).join(',')] as const,
  );
  return {
    method: message.method ?? 'GET',
    ...parseTarget(message.url ?? '/'),
    headers: new Map(headers),
    body: Buffer.concat(chunks),
  };
}
