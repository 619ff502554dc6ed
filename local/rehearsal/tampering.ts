import { createServer } from 'node:http';
import { gzipSync } from 'node:zlib';
import { listenLocally } from '../../simulators/aws/listening.ts';

/** The same URL, valid for an hour: what a thief of a grant would want. */
export function prolongUrl(url: string): string {
  const changed = new URL(url);
  changed.searchParams.set('X-Amz-Expires', '3600');
  return changed.toString();
}

/** The same grant for another object. */
export function redirectUrl(url: string, key: string): string {
  const changed = new URL(url);
  const bucket = changed.pathname.split('/')[1] ?? '';
  changed.pathname = `/${bucket}/${key}`;
  return changed.toString();
}

export interface Tamperer {
  /** Answers what the vault answers, with one byte of the configuration changed. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Somebody between vault and data plane, or with write access to the bucket. */
export async function startTamperer(presignedUrl: string): Promise<Tamperer> {
  const server = createServer(async (_request, response) => {
    const original = await fetch(presignedUrl);
    const content = Buffer.from(await original.arrayBuffer());
    // One hexadecimal digit of an id: still JSON, still loadable, no longer what was signed.
    const at = content.indexOf('"id":"') + 6;
    content[at] = content[at] === 0x61 ? 0x62 : 0x61;
    response.writeHead(200, {
      'content-type': 'application/json',
      'content-encoding': 'gzip',
      'x-amz-meta-manifest': original.headers.get('x-amz-meta-manifest') ?? '',
    });
    response.end(gzipSync(content));
  });
  const { url, stop } = await listenLocally(server);
  return { url: `${url}/config.json`, stop };
}
