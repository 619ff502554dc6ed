import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import type { ControlPlaneStatus } from '../../core/vault/config-vault.ts';
import { type Manifest, signManifest } from '../../core/vault/manifest.ts';
import { type Signer, type VerificationKey, verificationKey } from '../../core/vault/signer.ts';
import { signStatus } from '../../core/vault/status.ts';
import { listen } from '../../simulators/kong/control-plane/listening.ts';

export interface SigningKey extends Signer {
  readonly pem: string;
}

export function newSigningKey(): SigningKey {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = publicKey.export({ format: 'pem', type: 'spki' }).toString();
  let known: Promise<VerificationKey> | undefined;
  return {
    pem,
    verificationKey() {
      known ??= verificationKey(pem);
      return known;
    },
    sign: async (message) => sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' }),
    within() {
      return this;
    },
  };
}

/** What Lifeboat's HTTP API and the vault answer; a function throws to hang up. */
export interface Answers {
  grant: (vaultUrl: string) => Answer | Promise<Answer>;
  file: () => Answer | Promise<Answer>;
  /** @default there is none */
  status?: () => Answer | Promise<Answer>;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
  /** Hangs up after that many bytes. */
  readonly cutAfterBytes?: number;
}

export const content = Buffer.from('{"_format_version":"3.0","_transform":false,"services":[]}');
/** Stands for what makes a presigned URL a secret. */
export const urlSecret = 'X-Amz-Signature=5ec2e7';

export function manifestOf(changed: Partial<Manifest> = {}, bytes: Buffer = content): Manifest {
  return {
    controlPlane: 'prod',
    kongVersion: '3.9.1',
    revision: 7,
    previousSha256: null,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    size: bytes.length,
    md5: createHash('md5').update(bytes).digest('hex'),
    configHash: '0123456789abcdef0123456789abcdef',
    builtAt: new Date('2026-11-23T00:00:00.000Z'),
    exportedAt: new Date('2026-11-23T00:00:01.000Z'),
    entities: { services: 0, total: 0 },
    ...changed,
  };
}

/** @param kongVersion of the file that it is for */
export function goodGrant(vaultUrl: string, kongVersion = '3.9.1'): Answer {
  return {
    status: 200,
    body: JSON.stringify({
      url: vaultUrl,
      statusUrl: new URL(`/vault/status/prod.json?${urlSecret}`, vaultUrl).href,
      method: 'GET',
      expiresAt: new Date(Date.now() + 120_000).toISOString(),
      controlPlane: 'prod',
      kongVersion,
    }),
  };
}

export async function goodFile(
  signer: Signer,
  changed: Partial<Manifest> = {},
  bytes: Buffer = content,
): Promise<Answer> {
  return {
    status: 200,
    headers: {
      'content-type': 'application/json',
      'content-encoding': 'gzip',
      'x-amz-meta-manifest': await signManifest(manifestOf(changed, bytes), signer),
    },
    body: gzipSync(bytes),
  };
}

/** @param revision of the file, as the last check has noted it */
export function statusOf(revision: number, changed: Partial<ControlPlaneStatus> = {}): ControlPlaneStatus {
  const { controlPlane, kongVersion, sha256, configHash } = manifestOf();
  return {
    controlPlane,
    checkedAt: new Date('2026-11-23T00:05:00.000Z'),
    versions: [{ kongVersion, revision, sha256, configHash, changed: false }],
    ...changed,
  };
}

/** A status that was written four minutes and some seconds ago, unless the test says otherwise. */
export async function goodStatus(
  signer: Signer,
  { revision = manifestOf().revision, ...changed }: Partial<ControlPlaneStatus & { revision: number }> = {},
): Promise<Answer> {
  const checkedAt = new Date(Date.now() - 250_000);
  return { status: 200, body: await signStatus(statusOf(revision, { checkedAt, ...changed }), signer) };
}

export interface StandInRequest {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: string;
}

/**
 * HTTP API and vault in one, which answer as the test says. Requests for statuses are listed apart.
 *
 * @param host this machine, as an address
 */
export async function startStandIn(answers: Answers, host = '127.0.0.1') {
  const requests: StandInRequest[] = [];
  const statusRequests: StandInRequest[] = [];
  let url = '';
  const server = createServer(async (request, response) => {
    const path = request.url ?? '';
    const isForStatus = path.startsWith('/vault/status/');
    const received = { path, authorization: request.headers.authorization, body: await text(request) };
    (isForStatus ? statusRequests : requests).push(received);
    const answer = path.includes('/control-planes/')
      ? await answers.grant(`${url}/vault/prod/3.9.1/config.json?${urlSecret}`)
      : isForStatus
        ? await (answers.status?.() ?? { status: 404, body: '<Error><Code>NoSuchKey</Code></Error>' })
        : await answers.file();
    response.writeHead(answer.status, {
      ...answer.headers,
      'content-length': Buffer.byteLength(answer.body),
    });
    if (answer.cutAfterBytes === undefined) {
      response.end(answer.body);
    } else {
      response.write(answer.body.slice(0, answer.cutAfterBytes), () => response.destroy());
    }
  });
  const { port, stop } = await listen(server, host, 0);
  url = `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
  return { url, requests, statusRequests, stop };
}
