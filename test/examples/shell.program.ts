import { X509Certificate } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { clusterIdentity } from '../../core/access/cluster-identity.ts';
import { certificateFingerprint } from '../../core/access/cluster-trust.ts';
import { assertionVerifier } from '../../core/access/verify-assertion.ts';
import { systemClock } from '../../core/clock.ts';
import { vaultFileSource } from '../../core/fetch/download.ts';
import { fetchConfig } from '../../core/fetch/fetch-config.ts';
import { endpointGrantSource } from '../../core/fetch/grant-source.ts';
import { systemRandom } from '../../core/random-source.ts';
import { kmsSigner } from '../../core/vault/kms-signer.ts';
import { signStatus } from '../../core/vault/status.ts';
import { startLocalSystem } from '../../local/local-system.ts';
import { localTemplate } from '../../local/local-template.ts';
import { startControlPlane } from '../../simulators/kong/control-plane/control-plane.ts';
import {
  type Answer,
  type Answers,
  content,
  goodFile,
  goodGrant,
  newSigningKey,
  type StandInRequest,
  startStandIn,
  statusOf,
  urlSecret,
} from '../cli/published-file.ts';
import { type Issued, issue } from '../core/access/certificates.ts';
import { type Ended, eventually, processes } from '../local/processes.ts';

const script = 'examples/data-plane/shell/lifeboat-fetch.sh';
const key = newSigningKey();
const answers: Answers = { grant: goodGrant, file: () => goodFile(key) };
const children = processes();
const hour = 3_600_000;

let directory: string;
let standIn: Awaited<ReturnType<typeof startStandIn>>;
let output: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lifeboat-shell-'));
  output = join(directory, 'config.json');
  standIn = await startStandIn(answers);
  await certificate('P-256');
  await writeFile(join(directory, 'signing-key.pem'), key.pem);
});

beforeEach(async () => {
  Object.assign(answers, { grant: goodGrant, file: () => goodFile(key) } satisfies Answers);
  await rm(output, { force: true });
});

afterAll(async () => {
  await children.stop();
  await standIn.stop();
  await rm(directory, { recursive: true });
});

/** For the clock of the machine, which the script looks at. */
async function certificate(keyType: 'P-256' | 'P-384' | 'RSA-2048'): Promise<Issued> {
  const issued = await issue({ keyType, notAfter: new Date(Date.now() + hour) });
  await writeFile(join(directory, `${keyType}.crt`), issued.pem);
  await writeFile(join(directory, `${keyType}.key`), issued.keyPem);
  return issued;
}

const start = (changed: Readonly<Record<string, string>> = {}) =>
  children.start(script, [], {
    env: {
      LIFEBOAT_ENDPOINT: standIn.url,
      LIFEBOAT_CONTROL_PLANE: 'prod',
      LIFEBOAT_KONG_VERSION: '3.9.1',
      LIFEBOAT_PUBLIC_KEY: join(directory, 'signing-key.pem'),
      LIFEBOAT_OUTPUT: output,
      KONG_CLUSTER_CERT: join(directory, 'P-256.crt'),
      KONG_CLUSTER_CERT_KEY: join(directory, 'P-256.key'),
      ...changed,
    },
  });

const running = (changed?: Readonly<Record<string, string>>) => start(changed).ended;

/** As the function checks assertions. @returns their ids */
function requireAccepted(issued: Issued, requests: readonly StandInRequest[]): Promise<readonly string[]> {
  const trust = {
    certificates: [certificateFingerprint(issued.certificate)],
    authorities: [],
    commonNames: [],
  };
  const verify = assertionVerifier({ controlPlane: 'prod', trust, clock: systemClock });
  return Promise.all(
    requests.map(async ({ body }) => {
      const { assertion } = JSON.parse(body) as { readonly assertion: string };
      return (await verify(assertion)).assertionId;
    }),
  );
}

type Shape = readonly [what: string, isSo: (r: Buffer, s: Buffer) => boolean];

/** Each has a length of its own in DER. */
const shapes: readonly Shape[] = [
  ['their highest bits set', (r, s) => r.readUInt8() >= 0x80 && s.readUInt8() >= 0x80],
  ['their highest bits clear', (r, s) => r.readUInt8() < 0x80 && s.readUInt8() < 0x80],
  ['a byte of zeros at the first one’s begin', (r) => r.readUInt8() === 0 && r.readUInt8(1) < 0x80],
  ['a byte of zeros and a bit at the second one’s', (_, s) => s.readUInt8() === 0 && s.readUInt8(1) >= 0x80],
];

/** A signature of this shape, of many that are made. */
async function signedSo(message: Uint8Array, isSo: Shape[1]): Promise<Buffer> {
  for (;;) {
    const signature = Buffer.from(await key.sign(message));
    if (isSo(signature.subarray(0, 32), signature.subarray(32))) {
      return signature;
    }
  }
}

/** As openssl makes it (RFC 3279 section 2.2.3). */
function derOf(jose: Buffer): Buffer {
  const numbers = [jose.subarray(0, 32), jose.subarray(32)].flatMap((number) => {
    const begin = number.findIndex((byte) => byte !== 0);
    const magnitude = number.subarray(begin);
    const content = magnitude.readUInt8() >= 0x80 ? [0, ...magnitude] : [...magnitude];
    return [0x02, content.length, ...content];
  });
  return Buffer.from([0x30, numbers.length, ...numbers]);
}

const written = async () =>
  (await readdir(directory)).filter((name) => /config\.json|lifeboat-fetch/.test(name));

describe('the shell example', () => {
  it('has less than 150 lines, of which shellcheck has nothing to say', async () => {
    const lines = (await readFile(script, 'utf8')).split('\n').length - 1;
    const { exitCode, stdout, stderr } = await children.run('test/examples/from-debian.sh', [
      'shellcheck',
      'shellcheck',
      script,
      'test/examples/from-debian.sh',
      'test/examples/openssl-1.1.sh',
    ]);

    expect(lines).toBeLessThan(150);
    expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  });

  it('writes the verified file for its owner alone, and says what it is', async () => {
    const { exitCode, stdout, stderr } = await running();

    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toBe(`${output}: revision 7 of control plane "prod" for Kong 3.9.1, verified\n`);
    expect(await readFile(output)).toEqual(content);
    expect((await stat(output)).mode & 0o777).toBe(0o600);
    expect(await written()).toEqual(['config.json']);
  });

  it.each(['P-256', 'P-384', 'RSA-2048'] as const)(
    'makes assertions with a key %s that the function takes, often',
    async (keyType) => {
      const issued = await certificate(keyType);
      // Numbers of a signature are shorter once in 128 times: the file below is signed anew each time, too.
      for (let round = 0; round < 5; round += 1) {
        const { exitCode, stderr } = await running({
          KONG_CLUSTER_CERT: join(directory, `${keyType}.crt`),
          KONG_CLUSTER_CERT_KEY: join(directory, `${keyType}.key`),
        });
        expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      }

      const ids = await requireAccepted(issued, standIn.requests.filter(({ body }) => body !== '').slice(-5));

      expect(new Set(ids).size).toBe(5);
    },
  );

  it('sends the whole chain of its certificate', async () => {
    const [own, other] = [await certificate('P-256'), await issue()];
    const chain = join(directory, 'chain.crt');
    await writeFile(chain, `${own.pem}\n${other.pem}`);

    await running({ KONG_CLUSTER_CERT: chain });

    const { body = '' } = standIn.requests.at(-2) ?? {};
    const [header = ''] = (JSON.parse(body) as { readonly assertion: string }).assertion.split('.');
    const { x5c } = JSON.parse(Buffer.from(header, 'base64url').toString()) as {
      readonly x5c: readonly string[];
    };
    expect(x5c.map((der) => new X509Certificate(Buffer.from(der, 'base64')).fingerprint256)).toEqual(
      [own, other].map((each) => each.certificate.fingerprint256),
    );
  });

  it('takes either of two pinned keys', async () => {
    const both = join(directory, 'both.pem');
    await writeFile(both, `${newSigningKey().pem}${key.pem}`);

    const { exitCode } = await running({ LIFEBOAT_PUBLIC_KEY: both });

    expect(exitCode).toBe(0);
  });

  it.each(shapes)('verifies a signature whose numbers have %s', async (_, isSo) => {
    answers.file = () => goodFile({ ...key, sign: (message) => signedSo(message, isSo) });

    const { exitCode, stderr } = await running();

    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  });

  it.each(shapes)('sends a signature whose numbers have %s', async (_, isSo) => {
    const jose = await signedSo(Buffer.from('what is signed'), isSo);
    const der = join(directory, 'signature.der');
    await writeFile(der, derOf(jose));
    const functions = `$(sed -n '/^from_hex()/p; /^to_jose()/p' ${script})`;

    const { stdout } = await children.run('bash', [
      '-c',
      `eval "${functions}"; to_jose 32 <${der} | od -An -v -tx1 | tr -d ' \n'`,
    ]);

    expect(stdout).toBe(jose.toString('hex'));
  });

  const toBase64Url = (text: string) => Buffer.from(text).toString('base64url');
  const withManifest = async (change: (jws: string) => string | Promise<string>) => {
    const good = await goodFile(key);
    const jws = await change(good.headers?.['x-amz-meta-manifest'] ?? '');
    return { ...good, headers: { ...good.headers, 'x-amz-meta-manifest': jws } };
  };
  const forged = async () => {
    const good = await goodFile(key);
    const thief = await goodFile(newSigningKey());
    const [header] = (good.headers?.['x-amz-meta-manifest'] ?? '').split('.');
    const [, payload, signature] = (thief.headers?.['x-amz-meta-manifest'] ?? '').split('.');
    return {
      ...good,
      headers: { ...good.headers, 'x-amz-meta-manifest': `${header}.${payload}.${signature}` },
    };
  };

  it.each<readonly [number, string, Partial<Answers>, string]>([
    [
      6,
      'a key that is not pinned',
      { file: () => goodFile(newSigningKey()) },
      'a key that is not in LIFEBOAT_PUBLIC_KEY',
    ],
    [6, 'a forged signature', { file: forged }, 'signature of the manifest is wrong'],
    [6, 'half a signature', { file: () => withManifest((jws) => jws.slice(0, -40)) }, 'not have 64 bytes'],
    [6, 'a manifest that is none', { file: () => withManifest(() => '!.!.!') }, 'not have 64 bytes'],
    [
      6,
      'a key id that leads elsewhere',
      { file: () => withManifest((jws) => jws.replace(/^[^.]+/, toBase64Url('{"kid":"../signing-key"}'))) },
      'a key that is not in LIFEBOAT_PUBLIC_KEY',
    ],
    [
      6,
      'a signed document of another type',
      { file: () => withManifest(() => signStatus(statusOf(7), key)) },
      'is not a manifest',
    ],
    [
      6,
      'a file that was changed',
      {
        file: async () => ({
          ...(await goodFile(key)),
          body: gzipSync(Buffer.from(content.toString().replace('3.0', '3.1'))),
        }),
      },
      'changed after it was signed',
    ],
    [
      6,
      'a file that is longer',
      { file: async () => ({ ...(await goodFile(key)), body: gzipSync(`${content} `) }) },
      'longer than its manifest states',
    ],
    [
      5,
      'a file that is shorter',
      { file: async () => ({ ...(await goodFile(key)), body: gzipSync(content.subarray(1)) }) },
      `after ${content.length - 1} of ${content.length} bytes`,
    ],
    [
      6,
      'a file of another control plane',
      { file: () => goodFile(key, { controlPlane: 'test' }) },
      'another control plane',
    ],
    [
      6,
      'a file for a newer node',
      { file: () => goodFile(key, { kongVersion: '3.9.2' }) },
      'made for Kong 3.9.2',
    ],
    [
      6,
      'a file for another minor version',
      { file: () => goodFile(key, { kongVersion: '3.8.1' }) },
      'made for Kong 3.8.1',
    ],
    [6, 'a file without a manifest', { file: () => ({ status: 200, body: content }) }, 'has no manifest'],
    [
      3,
      'a refusal of the vault',
      { file: () => ({ status: 403, body: '<Error><Code>AccessDenied</Code></Error>' }) },
      'the vault answered 403 (AccessDenied)',
    ],
    [
      5,
      'a download that breaks off',
      { file: async () => ({ ...(await goodFile(key)), cutAfterBytes: 20 }) },
      'was not received whole',
    ],
    [
      3,
      'a refusal of the function',
      { grant: () => ({ status: 401, body: '{"detail":"the clock is 99 s behind"}' }) },
      'refused (401): {"detail":"the clock is 99 s behind"}',
    ],
    [
      5,
      'a grant of another scheme',
      { grant: () => ({ status: 200, body: `{"url":"file:///etc/hostname"}` }) },
      'is not a grant',
    ],
    [
      5,
      'a grant of another protocol than the endpoint’s',
      { grant: () => ({ status: 200, body: `{"url":"https://127.0.0.1:1/"}` }) },
      'not received whole: curl',
    ],
  ])('ends with %d and writes nothing for %s', async (code, _, changed, sentence) => {
    Object.assign(answers, changed);

    const { exitCode, stdout, stderr } = await running();

    expect({ exitCode, stdout, stderr }).toEqual({
      exitCode: code,
      stdout: '',
      stderr: expect.stringContaining(sentence),
    });
    expect(stderr).toMatch(/^lifeboat-fetch: .*\n$/);
    expect(stderr).not.toContain(urlSecret);
    expect(await written()).toEqual([]);
  });

  it('leaves nothing behind when it is ended', async () => {
    let answer: ((given: Answer) => void) | undefined;
    answers.grant = () =>
      new Promise((resolve) => {
        answer = resolve;
      });

    const started = start();
    await eventually(() => answer !== undefined);
    const during = await written();
    started.signal('SIGTERM');
    await eventually(async () => (await written()).length === 0);
    // Its curl would wait for it.
    answer?.({ status: 500, body: '' });
    const { exitCode, stderr } = await started.ended;

    expect(during).toEqual([expect.stringMatching(/^\.lifeboat-fetch-/)]);
    expect({ exitCode, stderr }).toEqual({ exitCode: null, stderr: '' });
    expect(await written()).toEqual([]);
  });

  it.each([
    [content.length + 1, 0],
    [content.length - 1, 6],
  ])('with LIFEBOAT_MAX_BYTES %d ends with %d', async (most, code) => {
    const { exitCode } = await running({ LIFEBOAT_MAX_BYTES: String(most) });

    expect(exitCode).toBe(code);
  });

  it('leaves the file of before where it is', async () => {
    await writeFile(output, 'what was there');
    answers.file = () => goodFile(newSigningKey());

    await running();

    expect(await readFile(output, 'utf8')).toBe('what was there');
  });

  it('names a tool that is missing', async () => {
    const tools = join(directory, 'few-tools');
    await mkdir(tools);
    await Promise.all(
      ['base64', 'curl', 'gzip', 'rm', 'sha256sum'].map((name) =>
        symlink(`/usr/bin/${name}`, join(tools, name)),
      ),
    );

    const { exitCode, stderr } = await running({ PATH: tools });

    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: 'lifeboat-fetch: openssl is missing: install it\n',
    });
  });

  it('takes settings as variables alone', async () => {
    const { exitCode, stderr } = await children.run(script, ['--help']);

    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining('README') });
  });
});

describe('the shell example, with OpenSSL 1.1', () => {
  // From packages of Debian 11, which not everybody reaches, and nobody for ever.
  let older: Ended;
  beforeAll(async () => {
    older = await children.run('test/examples/openssl-1.1.sh', [join(directory, 'openssl-1.1')]);
    process.stderr.write(older.stderr);
  });

  it.each(['P-256', 'P-384', 'RSA-2048'] as const)(
    'verifies the file, and makes an assertion with a key %s, or has said why it was not tried',
    async (keyType) => {
      if (older.exitCode !== 0) {
        expect(older.stderr).toMatch(/^openssl-1.1: /);
        return;
      }
      const issued = await certificate(keyType);

      const { exitCode, stderr } = await running({
        KONG_CLUSTER_CERT: join(directory, `${keyType}.crt`),
        KONG_CLUSTER_CERT_KEY: join(directory, `${keyType}.key`),
        PATH: `${older.stdout.trim()}:${process.env['PATH']}`,
      });

      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      await requireAccepted(issued, standIn.requests.filter(({ body }) => body !== '').slice(-1));
    },
  );
});

describe('the shell example, at the local system', () => {
  it('gets byte for byte what `lifeboat fetch` gets', async () => {
    const controlPlane = await startControlPlane({ mtls: 'pki', dbUpdateFrequencySeconds: 0.2 });
    const { certificates } = controlPlane;
    const subject = {
      name: 'prod',
      clusterEndpoint: controlPlane.clusterEndpoint,
      mtls: 'pki',
      serverName: controlPlane.serverName,
      certificate: certificates,
      customPlugins: [],
    } as const;
    const system = await startLocalSystem({
      template: localTemplate({ controlPlane: subject, dataPlaneVersions: ['3.9.1'] }),
      controlPlane: subject,
      dataDirectory: join(directory, 'system'),
    });
    try {
      await system.ringSchedule();
      await eventually(() => system.measurements().some(({ name }) => name === 'Published'));
      await writeFile(join(directory, 'pki.crt'), certificates.certificate);
      await writeFile(join(directory, 'pki.key'), certificates.key);
      const pinned = await kmsSigner(system.clients.kms, system.signingKeyArn).verificationKey();
      await writeFile(join(directory, 'local.pem'), pinned.key.export({ format: 'pem', type: 'spki' }));
      const fetched = join(directory, 'fetched.json');

      const { exitCode, stderr } = await running({
        LIFEBOAT_ENDPOINT: system.apiUrl,
        LIFEBOAT_PUBLIC_KEY: join(directory, 'local.pem'),
        KONG_CLUSTER_CERT: join(directory, 'pki.crt'),
        KONG_CLUSTER_CERT_KEY: join(directory, 'pki.key'),
      });
      const settings = {
        controlPlane: 'prod',
        kongVersion: '3.9.1',
        timeoutMs: 500_000,
        clock: systemClock,
        random: systemRandom,
      };
      const grants = endpointGrantSource(
        {
          endpoint: new URL(system.apiUrl),
          authenticate: async () => ({
            by: 'cluster-certificate',
            identity: clusterIdentity(certificates.certificate, certificates.key),
          }),
        },
        settings,
      );
      await fetchConfig(
        {
          ...settings,
          grants: [grants],
          files: vaultFileSource({ ...settings, trusted: [pinned], output: fetched, maxBytes: 10_000_000 }),
        },
        { spreadMs: 0, patienceMs: 0, onThrottled: () => undefined },
      );

      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      expect(await readFile(output)).toEqual(await readFile(fetched));
    } finally {
      await system.stop();
      await controlPlane.stop();
    }
  });
});
