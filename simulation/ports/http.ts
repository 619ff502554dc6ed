import { gunzipSync } from 'node:zlib';
import { type AskedFor, grants } from '../../core/access/grant.ts';
import { readPrevious } from '../../core/access/s3-file-versions.ts';
import type { FoundVersion } from '../../core/access/step-back.ts';
import type { Clock } from '../../core/clock.ts';
import { type Fetch, type HttpResponse, readBodyText } from '../../core/fetch/http-client.ts';
import { loadSignatures } from '../../core/fetch/signed-request.ts';
import { configFileKey } from '../../core/vault/config-file-name.ts';
import { type CallWorld, makeCall } from '../engine/call.ts';
import type { Machine } from '../engine/machine.ts';
import type { CallName } from '../faults.ts';
import type { Bucket } from '../world/bucket.ts';

/** What stands before the functions that give grants. */
export interface Gateway {
  /** @param host of the endpoint that is asked */
  take(
    host: string,
  ):
    | { readonly is: 'taken'; readonly answersAfterMs: number }
    | { readonly is: 'silent' | 'refused' | 'no room' }
    | { readonly is: 'throttled'; readonly retryAfterSeconds: number | undefined };
}

export interface GrantService {
  readonly controlPlane: string;
  /** For how long a URL is good. */
  readonly lifetimeSeconds: number;
  /** Of the functions that make the URLs, and of S3. */
  readonly clock: Clock;
  readonly bucket: Bucket;
  readonly findVersions: () => readonly string[];
  /** @default it takes everything at once */
  readonly gateway?: Gateway | undefined;
  /** Sees each answer of the API. */
  readonly observe: (text: string) => void;
  /** Sees each status that reaches the data plane; undefined where it begins anew, with another grant. */
  readonly noteStatus?: ((text: string | undefined) => void) | undefined;
}

// Before a history begins: to load it takes time that is not simulated.
await loadSignatures();

const vaultHost = 'vault.example';

/** HTTP as a data plane has it: the API's grants, and the vault's files behind presigned URLs. */
export function simulatedFetch(world: CallWorld, machine: Machine, service: GrantService): Fetch {
  return async (address, request = {}) => {
    const url = new URL(address);
    const name = nameCall(url);
    const answer = await makeCall(world, machine, {
      name,
      perform: () =>
        name === 'api.grant'
          ? passGateway(url, service, machine, request.signal)
          : answerDownload(url, service),
      fail: (how) => (how === 'throttled' ? new Throttled() : new Error('socket hang up')),
      signal: request.signal,
    }).catch((error: unknown) => {
      if (error instanceof Throttled) {
        return () => answerThrottled(name);
      }
      throw error;
    });
    const received = await answer();
    if (name !== 'vault.download') {
      const isStatus = name === 'vault.status' && received.status === 200;
      service.noteStatus?.(isStatus ? (await readBodyText(received, 2 ** 20)).text : undefined);
    }
    return received;
  };
}

class Throttled extends Error {}

/** As API Gateway and S3 say it. */
function answerThrottled(name: CallName, retryAfterSeconds?: number): HttpResponse {
  const headers = retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) };
  return name === 'api.grant'
    ? response(429, headers, Buffer.from('{"message":"Too Many Requests"}'))
    : response(503, {}, Buffer.from('<Error><Code>SlowDown</Code></Error>'));
}

function nameCall({ host, pathname }: URL): CallName {
  if (host !== vaultHost) {
    return 'api.grant';
  }
  return pathname.startsWith('/status/') ? 'vault.status' : 'vault.download';
}

/** Answers when it is asked for: what the shipped code does with it is no longer the network's. */
type Answer = () => Promise<HttpResponse> | HttpResponse;

function passGateway(
  url: URL,
  service: GrantService,
  { clock }: Machine,
  signal: AbortSignal | undefined,
): Answer {
  const passed = service.gateway?.take(url.host) ?? { is: 'taken', answersAfterMs: 0 };
  if (passed.is === 'throttled') {
    return () => answerThrottled('api.grant', passed.retryAfterSeconds);
  }
  if (passed.is === 'refused') {
    return () => response(403, {}, Buffer.from('{"message":"Forbidden"}'));
  }
  if (passed.is === 'no room') {
    // As an HTTP API says it (docs/data-plane.md, "A fleet that boots at once").
    return () => response(503, {}, Buffer.from('{"message":"Service Unavailable"}'));
  }
  const longMs = passed.is === 'taken' ? passed.answersAfterMs : Number.MAX_SAFE_INTEGER;
  const answer = answerGrant(url, service);
  return longMs === 0
    ? answer
    : async () => {
        await clock.sleep(longMs, signal).catch((error: unknown) => {
          throw signal?.reason ?? error;
        });
        return answer();
      };
}

function answerGrant(url: URL, service: GrantService): Answer {
  const answer = grants({
    controlPlane: service.controlPlane,
    dataPlaneVersions: service.findVersions(),
    lifetimeSeconds: service.lifetimeSeconds,
    clock: service.clock,
    findVersion: async (name, versionId) => findVersion(service.bucket, configFileKey(name), versionId),
    presign: async ({ key, versionId }, lifetimeSeconds, now) => {
      const presigned = new URL(`https://${vaultHost}/${key}`);
      presigned.searchParams.set('expires', String(now.getTime() + lifetimeSeconds * 1000));
      if (versionId !== undefined) {
        presigned.searchParams.set('versionId', versionId);
      }
      return presigned.href;
    },
  });
  const asked: AskedFor = Object.fromEntries(url.searchParams);
  return async () => {
    const given = await answer(asked);
    const text = JSON.stringify(given);
    service.observe(text);
    return response('status' in given ? given.status : 200, {}, Buffer.from(text));
  };
}

/** As a HEAD has it. */
function findVersion(bucket: Bucket, key: string, versionId: string | undefined): FoundVersion | undefined {
  const found = versionId === undefined ? bucket.current(key) : bucket.version(key, versionId);
  return found && { versionId: found.versionId, previousVersionId: readPrevious(found.metadata['manifest']) };
}

function answerDownload(url: URL, { bucket, clock }: GrantService): Answer {
  if (clock.now().getTime() > Number(url.searchParams.get('expires'))) {
    return () => response(403, {}, Buffer.from('<Error><Code>AccessDenied</Code></Error>'));
  }
  const key = url.pathname.slice(1);
  const versionId = url.searchParams.get('versionId');
  const found = versionId === null ? bucket.current(key) : bucket.version(key, versionId);
  if (found === undefined) {
    return () => response(404, {}, Buffer.from('<Error><Code>NoSuchKey</Code></Error>'));
  }
  const headers = Object.fromEntries(
    Object.entries(found.metadata).map(([name, value]) => [`x-amz-meta-${name}`, value]),
  );
  return () => response(200, headers, inflate(found.body));
}

/** Something that is no gzip comes as it is: S3 gives what was put. */
function inflate(body: Uint8Array): Buffer {
  try {
    return gunzipSync(body);
  } catch {
    return Buffer.from(body);
  }
}

function response(status: number, headers: Readonly<Record<string, string>>, body: Buffer): HttpResponse {
  return {
    status,
    headers: {
      get: (name) => headers[name.toLowerCase()] ?? null,
      has: (name) => name.toLowerCase() in headers,
    },
    body: {
      async *[Symbol.asyncIterator]() {
        yield body;
      },
    },
    discard: () => undefined,
  };
}
