/**
 * What people have reported of the clients, each with what is right, and the like of it. Each case is tried
 * with both of them where it can occur in both.
 */
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { chmod, mkdir, readFile, symlink, utimes } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { type Issued, issue } from '../core/access/certificates.ts';
import {
  type Case,
  type ClientTrials,
  type Environment,
  type Place,
  pemLines,
  type RefusingProxy,
  signingKey,
  startClientTrials,
  toBase64,
  tryCases as tryCasesOf,
  withoutPrivilege,
} from './client-case.ts';
import { type Answer, content, goodFile, goodGrant, urlSecret } from './published-file.ts';

const hasIpv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
);

let trials: ClientTrials;
let cluster: Issued;
let proxy: RefusingProxy;

beforeAll(async () => {
  trials = await startClientTrials();
  ({ cluster, proxy } = trials);
});

afterAll(() => trials.stop());

const tryCases = (cases: readonly Case[]) => tryCasesOf(() => trials, cases);

/** The same for certificate, key and pinned key. */
function setAll(form: (text: string, name: string, at: Place) => string | Promise<string>) {
  return async (at: Place) => ({
    KONG_CLUSTER_CERT: await form(cluster.pem, 'cluster.crt', at),
    KONG_CLUSTER_CERT_KEY: await form(cluster.keyPem, 'cluster.key', at),
    LIFEBOAT_PUBLIC_KEY: await form(signingKey.pem, 'signing-key.pem', at),
  });
}

const crlf = (text: string) => text.replaceAll('\n', '\r\n');
const bag = (text: string) => `Bag Attributes\n    localKeyID: 01\nsubject=CN = kong\n${text}`;

describe('certificates and keys, as', () => {
  tryCases([
    { case: 'files', set: setAll((text, name, at) => at.write(name, text)) },
    { case: 'files with CRLF', set: setAll((text, name, at) => at.write(name, crlf(text))) },
    { case: 'files with more than PEM', set: setAll((text, name, at) => at.write(name, bag(text))) },
    { case: 'files without a last line break', set: setAll((text, name, at) => at.write(name, text.trim())) },
    { case: 'files whose names have blanks', set: setAll((text, name, at) => at.write(`my ${name}`, text)) },
    { case: 'PEM', set: setAll((text) => text) },
    { case: 'PEM with CRLF', set: setAll(crlf) },
    { case: 'PEM whose line breaks became blanks', set: setAll((text) => text.trim().replaceAll('\n', ' ')) },
    { case: 'PEM whose line breaks became \\n', set: setAll((text) => text.trim().replaceAll('\n', '\\n')) },
    { case: 'base64 of PEM', set: setAll((text) => toBase64(text)) },
    { case: 'base64 of PEM with CRLF', set: setAll((text) => toBase64(crlf(text))) },
    { case: 'base64 of PEM, in lines', set: setAll((text) => toBase64(text).replace(/.{76}/g, '$&\n')) },
    {
      case: 'base64 of PEM, in lines of CRLF',
      set: setAll((text) => toBase64(text).replace(/.{76}/g, '$&\r\n')),
    },
    {
      case: 'a key of EC with its parameters before it',
      set: () => ({
        KONG_CLUSTER_CERT_KEY: `-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${cluster.key.export({ format: 'pem', type: 'sec1' })}`,
      }),
    },
    {
      case: 'one file with both',
      set: async (at) => {
        const both = await at.write('both.pem', `${cluster.pem}${cluster.keyPem}`);
        return { KONG_CLUSTER_CERT: both, KONG_CLUSTER_CERT_KEY: both };
      },
    },
  ]);
});

const wrongKey = (what: string, says: RegExp, set: NonNullable<Case['set']>): Case => ({
  case: what,
  set,
  exits: 2,
  says,
  asks: 0,
});

describe('certificates and keys that cannot be used, told before anything is sent:', () => {
  const notThere = '/no/such/file';
  const toPem = (publicKey: KeyObject) => publicKey.export({ format: 'pem', type: 'spki' }).toString();
  tryCases([
    wrongKey('a key that is not there', /KEY|key.*(ENOENT|No such file)/s, {
      KONG_CLUSTER_CERT_KEY: notThere,
    }),
    {
      ...wrongKey('a key that may not be read', /KEY|key.*(EACCES|Permission denied)/s, async (at) => {
        const file = await at.write('cluster.key', cluster.keyPem);
        await chmod(file, 0);
        return { KONG_CLUSTER_CERT_KEY: file };
      }),
      by: withoutPrivilege,
    },
    wrongKey('a key that is a directory', /(EISDIR|Is a directory)/, (at) => ({
      KONG_CLUSTER_CERT_KEY: at.directory,
    })),
    wrongKey('a key that is an empty file', /KEY|key/, async (at) => ({
      KONG_CLUSTER_CERT_KEY: await at.write('cluster.key', ''),
    })),
    wrongKey('a key that is something secret in no known form', /nor PEM nor base64 of PEM/, {
      KONG_CLUSTER_CERT_KEY: 'pass-word-or-what',
    }),
    wrongKey('half a key', /KEY|key/, () => ({ KONG_CLUSTER_CERT_KEY: cluster.keyPem.slice(0, 120) })),
    wrongKey('a key of which a byte is gone', /KEY|key.*cannot be read/, () => ({
      KONG_CLUSTER_CERT_KEY: cluster.keyPem.replace(/^(M.{20})./m, '$1'),
    })),
    wrongKey('a key with a passphrase', /passphrase/, () => ({
      KONG_CLUSTER_CERT_KEY: cluster.key
        .export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'secret' })
        .toString(),
    })),
    wrongKey('an old key with a passphrase', /passphrase/, () => ({
      KONG_CLUSTER_CERT_KEY: cluster.key
        .export({ format: 'pem', type: 'sec1', cipher: 'aes-256-cbc', passphrase: 'secret' })
        .toString(),
    })),
    wrongKey('a key of another certificate', /does not belong|belongs to none/, async () => ({
      KONG_CLUSTER_CERT: (await issue()).pem,
    })),
    wrongKey('key and certificate exchanged', /certificate/i, () => ({
      KONG_CLUSTER_CERT: cluster.keyPem,
      KONG_CLUSTER_CERT_KEY: cluster.pem,
    })),
    wrongKey('a key of another kind', /P-256/, async () => {
      const odd = await issue({ keyType: 'P-521' });
      return { KONG_CLUSTER_CERT: odd.pem, KONG_CLUSTER_CERT_KEY: odd.keyPem };
    }),
    wrongKey('a short key of RSA', /2048/, async () => {
      const odd = await issue({ keyType: 'RSA-1024' });
      return { KONG_CLUSTER_CERT: odd.pem, KONG_CLUSTER_CERT_KEY: odd.keyPem };
    }),
    wrongKey('a certificate that is no PEM', /CERT|cert/, async (at) => ({
      KONG_CLUSTER_CERT: await at.write('cluster.crt', cluster.certificate.raw),
    })),
    wrongKey('a pinned key that is not there', /(ENOENT|No such file)/, { LIFEBOAT_PUBLIC_KEY: notThere }),
    wrongKey('a pinned key that is an empty file', /PUBLIC.KEY|public.key/, async (at) => ({
      LIFEBOAT_PUBLIC_KEY: await at.write('signing-key.pem', ''),
    })),
    wrongKey('a pinned key that is a certificate', /CERTIFICATE|certificate/, () => ({
      LIFEBOAT_PUBLIC_KEY: cluster.pem,
    })),
    wrongKey('a pinned key that is a private key', /PRIVATE KEY|private key/, () => ({
      LIFEBOAT_PUBLIC_KEY: cluster.keyPem,
    })),
    wrongKey('a pinned key that is a file with a private key', /PRIVATE KEY|private key/, async (at) => ({
      LIFEBOAT_PUBLIC_KEY: await at.write('signing-key.pem', cluster.keyPem),
    })),
    wrongKey('a pinned key of another curve', /P-256/, () => ({
      LIFEBOAT_PUBLIC_KEY: toPem(generateKeyPairSync('ec', { namedCurve: 'secp384r1' }).publicKey),
    })),
    wrongKey('a pinned key of another kind', /P-256/, () => ({
      LIFEBOAT_PUBLIC_KEY: toPem(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey),
    })),
  ]);
});

describe('an endpoint', () => {
  const grant = '/control-planes/prod/fallback-config?kongVersion=3.9.1';
  const path = (name: string, end: string, expected = grant): Case => ({
    case: name,
    set: ({ url }) => ({ LIFEBOAT_ENDPOINT: `${url}${end}` }),
    also: (at) => expect(at.asked()).toEqual([expected]),
  });
  const host = (name: string, endpoint: string, authority: string): Case => ({
    case: name,
    set: () => ({ LIFEBOAT_ENDPOINT: endpoint, HTTPS_PROXY: proxy.url }),
    exits: 5,
    // By the proxy, which is known by its name.
    says: /502/,
    also: () => expect(proxy.connects.map((each) => each.authority)).toEqual([authority]),
  });
  const refused = (name: string, endpoint: string | ((at: Place) => string)): Case => ({
    case: name,
    set: (at) => ({ LIFEBOAT_ENDPOINT: typeof endpoint === 'string' ? endpoint : endpoint(at) }),
    exits: 2,
    says: /https:\/\/ URL|ENDPOINT|endpoint/,
    asks: 0,
  });
  const name = 'abc123.execute-api.eu-central-1.amazonaws.com';
  tryCases([
    path('without a slash', ''),
    path('with a slash at its end', '/'),
    path('with two', '//'),
    path('with many', '//////'),
    path('with a path', '/stage', `/stage${grant}`),
    path('with a path and slashes', '/stage/v1//', `/stage/v1${grant}`),
    // Where this machine has any.
    ...(hasIpv6 ? [{ ...path('of this machine by IPv6, with slashes', '//'), host: '::1' }] : []),
    host('of AWS, with two slashes', `https://${name}//`, `${name}:443`),
    host('with a port', 'https://lifeboat.example.com:8443', 'lifeboat.example.com:8443'),
    host('that is an IPv6 address', 'https://[2001:db8::1]/', '[2001:db8::1]:443'),
    host('that is an IPv6 address with a port', 'https://[2001:db8::1]:8443//', '[2001:db8::1]:8443'),
    refused('that is set to nothing', ''),
    refused('over plain HTTP', 'http://lifeboat.example.com'),
    refused('whose host only begins like this machine', 'http://127.0.0.1.example.com'),
    refused('with a port that is none', 'https://lifeboat.example.com:65536'),
    refused('with a user', 'https://user:pass-w@lifeboat.example.com'),
    refused('with a query', 'https://lifeboat.example.com/?stage=prod'),
    refused('with a fragment', 'https://lifeboat.example.com/#prod'),
    refused('that has a blank in it', 'https://lifeboat.example.com /'),
    refused(
      'that is a function, which takes no certificate',
      `arn:aws:lambda:eu-west-1:111122223333:function:presign`,
    ),
    {
      ...path('with a line break at its end', '\n'),
      exits: [0, 2],
      says: /line break/,
      asks: 0,
      also: () => undefined,
    },
  ]);
});

describe('names', () => {
  const refused = (what: string, set: Environment, says: RegExp): Case => ({
    case: what,
    set,
    exits: 2,
    says,
    asks: 0,
  });
  tryCases([
    refused('a control plane that leads elsewhere', { LIFEBOAT_CONTROL_PLANE: '../prod' }, /a-z, 0-9/),
    refused('a control plane with a line break', { LIFEBOAT_CONTROL_PLANE: 'prod\n' }, /a-z, 0-9/),
    refused('a control plane of 41 characters', { LIFEBOAT_CONTROL_PLANE: 'a'.repeat(41) }, /a-z, 0-9/),
    refused('no control plane', { LIFEBOAT_CONTROL_PLANE: '' }, /control.plane/i),
    refused('a version that is not full', { LIFEBOAT_KONG_VERSION: '3.9' }, /full/),
    refused('a version with a query behind it', { LIFEBOAT_KONG_VERSION: '3.9.1&versionId=x' }, /full/),
    refused('a version with a line break', { LIFEBOAT_KONG_VERSION: '3.9.1\n' }, /full/),
  ]);
});

describe('a proxy', () => {
  const endpoint = 'https://abc123.execute-api.eu-central-1.amazonaws.com';
  const refused = (what: string, value: string, name = 'HTTPS_PROXY'): Case => ({
    case: what,
    set: () => ({ LIFEBOAT_ENDPOINT: endpoint, [name]: value.replace('PORT', new URL(proxy.url).port) }),
    exits: 2,
    says: new RegExp(`${name}.*percent-encoded`, 'i'),
    also: () => expect(proxy.connects).toEqual([]),
  });
  tryCases([
    refused('whose password has a raw %', 'http://svc:100%pass-w@127.0.0.1:PORT'),
    refused('whose password has a raw # after digits', 'http://svc:2024#pass-w@127.0.0.1:PORT'),
    refused('whose password has a raw # after letters', 'http://svc:Win#pass-w@127.0.0.1:PORT'),
    refused('whose password has a raw /', 'http://svc:2024/pass-w@127.0.0.1:PORT'),
    refused('whose password has a raw ?', 'http://svc:2024?pass-w@127.0.0.1:PORT'),
    refused('whose user has a domain of Windows', 'http://CORP\\svc:pass-w@127.0.0.1:PORT'),
    refused('in lower case', 'http://svc:100%pass-w@127.0.0.1:PORT', 'https_proxy'),
    {
      case: 'with user and password as they should be',
      set: () => ({
        LIFEBOAT_ENDPOINT: endpoint,
        HTTPS_PROXY: proxy.url.replace('//', '//svc:100%25pass-w%23%40%2F@'),
      }),
      exits: 5,
      says: /502/,
      also: () =>
        expect(proxy.connects).toEqual([
          {
            authority: 'abc123.execute-api.eu-central-1.amazonaws.com:443',
            authorization: `Basic ${toBase64('svc:100%pass-w#@/')}`,
          },
        ]),
    },
    {
      case: 'that does not answer, of which the password is not told',
      set: { LIFEBOAT_ENDPOINT: endpoint, HTTPS_PROXY: 'http://svc:pass-w@127.0.0.1:1' },
      exits: 5,
      says: /ECONNREFUSED|Failed to connect/,
    },
    {
      case: 'which this machine itself needs none of',
      set: () => ({ http_proxy: 'http://127.0.0.1:1', HTTP_PROXY: 'http://127.0.0.1:1' }),
    },
  ]);
});

describe('this machine', () => {
  const clock = new Date('2019-12-31T23:59:59Z');
  tryCases([
    {
      case: 'has a clock before 2020',
      set: async (at) => {
        const date = `#!/bin/bash\nexec /bin/date -d @${clock.getTime() / 1000} "$@"\n`;
        await mkdir(join(at.directory, 'bin'));
        await chmod(await at.write('bin/date', date), 0o755);
        await at.write(
          'clock.mjs',
          `const now = Date; globalThis.Date = class extends now { constructor(...given) { given.length === 0 ? super(${clock.getTime()}) : super(...given); } static now() { return ${clock.getTime()}; } };`,
        );
        return {
          PATH: `${join(at.directory, 'bin')}:${process.env['PATH']}`,
          NODE_OPTIONS: `--import=${join(at.directory, 'clock.mjs')}`,
        };
      },
      exits: 3,
      says: /clock.*2019-12-31/,
      asks: 0,
    },
  ]);
});

describe('an output', () => {
  const refused = (what: string, make: (at: Place) => string | Promise<string>): Case => ({
    case: what,
    set: async (at) => ({ LIFEBOAT_OUTPUT: await make(at) }),
    exits: 7,
    says: /cannot be written|directory|device/,
    asks: 0,
  });
  const days = 24 * 3_600_000;
  tryCases([
    refused('that is a directory', async (at) => {
      await mkdir(at.output);
      return at.output;
    }),
    refused('that is to be in a file', async (at) => join(await at.write('a-file', ''), 'config.json')),
    { ...refused('that ends in a slash', (at) => `${at.output}/`), exits: 2, says: /the name of a file/ },
    refused('in a directory that is not there', (at) => join(at.directory, 'none/config.json')),
    {
      ...refused('in a directory that may not be written', async (at) => {
        await mkdir(join(at.directory, 'closed'), { mode: 0o500 });
        return join(at.directory, 'closed/config.json');
      }),
      by: withoutPrivilege,
    },
    refused('that is no file', async (at) => {
      const pipe = join(at.directory, 'pipe.json');
      execFileSync('mkfifo', [pipe]);
      return pipe;
    }),
    {
      case: 'that is a link, which is replaced and not followed',
      set: async (at) => {
        await symlink(await at.write('elsewhere.json', 'as it was'), at.output);
        return {};
      },
      also: async (at) => {
        expect(await readFile(join(at.directory, 'elsewhere.json'), 'utf8')).toBe('as it was');
      },
    },
    {
      case: 'that is a link to nothing',
      set: async (at) => {
        await symlink('none.json', at.output);
        return {};
      },
    },
    refused('that is a link to a device', async (at) => {
      await symlink('/dev/null', at.output);
      return at.output;
    }),
    {
      case: 'that was there',
      set: async (at) => {
        await chmod(await at.write('config.json', 'as it was'), 0o644);
        return {};
      },
    },
    {
      case: 'on a disk that is full',
      by: ['prlimit', '--fsize=20000'],
      answers: () => ({ file: () => goodFile(signingKey, {}, Buffer.alloc(100_000, 'x')) }),
      exits: 7,
      says: /cannot be written/,
    },
    {
      case: 'given as a name alone',
      set: { LIFEBOAT_OUTPUT: 'config.json' },
      // In a process, which has a current directory of its own.
      by: [],
    },
    {
      case: 'with two hundred neighbours, of which none goes',
      set: async (at) => {
        const names = Array.from({ length: 50 }, (_, n) => [
          `.config.json.${n}`,
          `.config.json.bak-${n}`,
          `.lifeboat-fetch-${n}`,
          `config.json.${n}`,
        ]).flat();
        for (const name of names) {
          await utimes(
            await at.write(name, 'mine'),
            new Date(Date.now() - days),
            new Date(Date.now() - days),
          );
        }
        return {};
      },
    },
  ]);
});

describe('a file that', () => {
  const as = (encoding: string | undefined, body: Buffer) => () => ({
    async file(): Promise<Answer> {
      const { 'content-encoding': _, ...headers } = (await goodFile(signingKey)).headers ?? {};
      return {
        status: 200,
        body,
        headers: { ...headers, ...(encoding === undefined ? {} : { 'content-encoding': encoding }) },
      };
    },
  });
  tryCases([
    { case: 'was inflated on its way', answers: as(undefined, content) },
    { case: 'was inflated and kept its header', answers: as('gzip', content) },
    { case: 'is called x-gzip', answers: as('x-gzip', gzipSync(content)) },
    { case: 'kept how it was uploaded', answers: as('aws-chunked,gzip', gzipSync(content)) },
    { case: 'kept that with a blank', answers: as('aws-chunked, GZIP', gzipSync(content)) },
    { case: 'has an encoding of nothing', answers: as('identity', content) },
    {
      case: 'was encoded anew, which is read or named',
      answers: as('br', brotliCompressSync(content)),
      exits: [0, 5],
      says: /\bbr\b/,
    },
    {
      case: 'was deflated, which is read or named',
      answers: as('deflate', deflateSync(content)),
      exits: [0, 5],
      says: /\bdeflate\b/,
    },
    {
      case: 'is encoded in a way that is not known',
      answers: as('zstd', Buffer.from('28b52ffd0458', 'hex')),
      exits: 5,
      says: /\bzstd\b/,
    },
    {
      case: 'is half a gzip',
      answers: as('gzip', gzipSync(content).subarray(0, 40)),
      exits: 5,
    },
    {
      case: 'has no end, and is given up',
      answers: as('gzip', gzipSync(Buffer.alloc(50_000_000))),
      exits: 6,
    },
  ]);
});

describe('an answer', () => {
  const redirect = (status: number) => (vaultUrl: string) => ({
    status,
    headers: { location: new URL('/elsewhere', vaultUrl).href },
    body: '',
  });
  const notElsewhere = (at: Place) => expect(at.asked()).not.toContain('/elsewhere');
  const refuseTimes = (times: number, refusal: Answer) => () => {
    let left = times;
    return {
      grant: (vaultUrl: string) => {
        left -= 1;
        return left < 0 ? goodGrant(vaultUrl) : refusal;
      },
    };
  };
  const error = (code: string, status: number) => () => ({
    file: () => ({
      status,
      body: `<Error><Code>${code}</Code><StringToSign>${urlSecret}</StringToSign></Error>`,
    }),
  });
  tryCases([
    {
      case: 'that leads elsewhere, for the grant',
      answers: () => ({ grant: redirect(307) }),
      exits: 5,
      asks: 1,
      also: notElsewhere,
    },
    {
      case: 'that leads elsewhere, for the file',
      answers: () => ({ file: () => redirect(302)('http://127.0.0.1:1') }),
      exits: 5,
      also: notElsewhere,
    },
    {
      case: 'of 429 once',
      warns: /^(|lifeboat: .*)$/m,
      answers: refuseTimes(1, {
        status: 429,
        body: '{"message":"Too Many Requests"}',
        headers: { 'retry-after': '1' },
      }),
      also: (at) => expect(at.asked()).toHaveLength(2),
    },
    {
      case: 'of 429 and the word to come tomorrow',
      answers: refuseTimes(9, { status: 429, body: '', headers: { 'retry-after': '86400' } }),
      exits: 5,
      says: /429/,
    },
    {
      case: 'of 503 twice',
      warns: /^(|lifeboat: .*)$/m,
      answers: refuseTimes(2, {
        status: 503,
        body: '{"message":"Service Unavailable"}',
        headers: { 'retry-after': '0' },
      }),
      also: (at) => expect(at.asked()).toHaveLength(3),
    },
    {
      case: 'of 401',
      answers: () => ({ grant: () => ({ status: 401, body: '' }) }),
      exits: 3,
      says: /401/,
      asks: 1,
    },
    {
      case: 'of 404',
      answers: () => ({ grant: () => ({ status: 404, body: '' }) }),
      exits: 4,
      says: /404/,
      asks: 1,
    },
    {
      case: 'of 403 with a page, which is a proxy’s',
      answers: () => ({ grant: () => ({ status: 403, body: '\n<html>Blocked</html>' }) }),
      exits: 5,
      says: /403/,
      asks: 1,
    },
    { case: 'of no file', answers: error('NoSuchKey', 404), exits: 4, says: /NoSuchKey/ },
    {
      case: 'of a revision that is gone',
      answers: error('NoSuchVersion', 404),
      exits: 4,
      says: /NoSuchVersion/,
    },
    { case: 'of no bucket', answers: error('NoSuchBucket', 404), exits: 5, says: /NoSuchBucket/ },
    { case: 'of no access to it', answers: error('AccessDenied', 403), exits: 3, says: /AccessDenied/ },
    { case: 'of a role that has ended', answers: error('ExpiredToken', 400), exits: 3, says: /ExpiredToken/ },
    {
      case: 'with a code that has a dot',
      answers: error('KMS.DisabledException', 400),
      exits: 5,
      says: /KMS\.DisabledException/,
    },
    {
      case: 'of something else than S3',
      answers: () => ({ file: () => ({ status: 403, body: '<html>Blocked' }) }),
      exits: 5,
      says: /403.*proxy/,
    },
    {
      case: 'longer than a grant',
      answers: () => ({ grant: () => ({ status: 200, body: `{"url":"${'x'.repeat(70_000)}"}` }) }),
      exits: 5,
    },
    {
      case: 'that is a page',
      answers: () => ({ grant: () => ({ status: 200, body: '<html>"url":"x"' }) }),
      exits: 5,
    },
    { case: 'that is empty', answers: () => ({ grant: () => ({ status: 200, body: '' }) }), exits: 5 },
  ]);
});

describe('AWS credentials, which only one of the clients takes,', () => {
  const good = {
    AWS_ACCESS_KEY_ID: 'ASIAEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'pass-word',
    AWS_SESSION_TOKEN: 'a-token',
  };
  const given = (
    what: string,
    set: Environment,
    more: Partial<Case> = { exits: 3, says: /line break|white space|blank/, asks: 0 },
  ): Case => ({
    case: what,
    only: 'lifeboat fetch',
    set: { LIFEBOAT_AUTH: 'iam', AWS_REGION: 'eu-central-1', ...good, ...set },
    ...more,
  });
  tryCases([
    given('that are good', {}, {}),
    given('whose key id ends in a line break', { AWS_ACCESS_KEY_ID: 'ASIAEXAMPLE\n' }),
    given('whose secret ends in a line break', { AWS_SECRET_ACCESS_KEY: 'pass-word\n' }),
    given('whose token ends in a line break', { AWS_SESSION_TOKEN: 'a-token\n' }),
    given('whose token begins with a blank', { AWS_SESSION_TOKEN: ' a-token' }),
    given(
      'with a region that ends in a line break',
      { AWS_REGION: 'eu-central-1\n' },
      { exits: [2, 3], says: /line break|white space|blank/, asks: 0 },
    ),
    given(
      'that are refused, of which several causes are named',
      {},
      {
        answers: () => ({ grant: () => ({ status: 403, body: '{"message":"Forbidden"}' }) }),
        exits: 3,
        says: /ASIA…MPLE.*eu-central-1.*execute-api:Invoke/s,
        asks: 1,
      },
    ),
  ]);
});

describe('what the user has', () => {
  const hostile = [
    'location',
    'include',
    'remote-name-all',
    'write-out = "\\n"',
    'insecure',
    'verbose',
    'trace-ascii = "trace.txt"',
    'user-agent = "me"',
    'output = "curlrc-output"',
    'proxy = "http://127.0.0.1:1"',
  ];
  const inShell = (words: string) => ['bash', '-c', `${words}; exec "$@"`, 'bash'];
  tryCases([
    {
      case: 'a ~/.curlrc',
      set: async (at) => {
        await at.write('.curlrc', hostile.join('\n'));
        return { CURL_HOME: at.directory, XDG_CONFIG_HOME: at.directory };
      },
    },
    { case: 'no home', by: ['-u', 'HOME'] },
    { case: 'LANG=C', set: { LANG: 'C', LC_ALL: 'C' } },
    { case: 'another language', set: { LANG: 'tr_TR.UTF-8', LC_ALL: 'C.UTF-8', LANGUAGE: 'tr' } },
    { case: 'a umask of nothing', by: inShell('umask 000') },
    { case: 'a umask of everything', by: [...withoutPrivilege, ...inShell('umask 777')] },
    { case: 'words split elsewhere', set: { IFS: '/:-.,abc0123' } },
    {
      case: 'options for tools',
      set: { POSIXLY_CORRECT: '1', GZIP: '-t', TMPDIR: '/no/such/directory', CDPATH: '/', GLOBIGNORE: '*' },
    },
    {
      case: 'functions and a start-up file of bash',
      only: 'lifeboat-fetch.sh',
      set: async (at) => ({
        'BASH_FUNC_curl%%': '() { echo taken >&2; }',
        BASH_ENV: await at.write('bash-env', 'echo "$KONG_CLUSTER_CERT_KEY" >&2'),
        SHELLOPTS: 'xtrace:verbose',
      }),
    },
  ]);
});

describe('who runs it', () => {
  const secrets = () => [...pemLines(cluster.keyPem), urlSecret, 'eyJ'];
  tryCases([
    {
      case: 'no longer listens',
      by: ['bash', '-c', 'set -o pipefail; "$@" | :', 'bash'],
    },
    {
      case: 'no longer listens to failures',
      set: { LIFEBOAT_KONG_VERSION: '3.8.1' },
      by: ['bash', '-c', 'set -o pipefail; "$@" 2>&1 | :; code=$?; echo over >&2; exit $code', 'bash'],
      exits: 6,
    },
    {
      case: 'closed what it says',
      by: ['bash', '-c', 'exec "$@" >&-', 'bash'],
    },
    {
      case: 'traces it',
      only: 'lifeboat-fetch.sh',
      by: ['bash', '-c', 'exec bash -x "$@" 2>trace', 'bash'],
      set: async (at) => {
        await at.write('trace', '');
        return {};
      },
      also: async (at) => {
        const trace = await readFile(join(at.directory, 'trace'), 'utf8');
        for (const secret of secrets()) {
          expect(trace).not.toContain(secret);
        }
      },
    },
    {
      case: 'looks at the arguments of its processes',
      only: 'lifeboat-fetch.sh',
      set: async (at) => {
        await mkdir(join(at.directory, 'bin'));
        await at.write('arguments', '');
        const tools =
          'base64 chmod curl cut date dirname gzip head mktemp mv od openssl paste rm sed sha256sum sleep sort stat sync tail tr';
        for (const tool of tools.split(' ')) {
          const wrapper = `#!/bin/bash\nprintf '%s ' ${tool} "$@" >>${join(at.directory, 'arguments')}\nPATH=\${PATH#*:} exec ${tool} "$@"\n`;
          await chmod(await at.write(`bin/${tool}`, wrapper), 0o755);
        }
        return { PATH: `${join(at.directory, 'bin')}:${process.env['PATH']}` };
      },
      also: async (at) => {
        const seen = await readFile(join(at.directory, 'arguments'), 'utf8');
        expect(seen).toMatch(/curl -q .*openssl /s);
        for (const secret of secrets()) {
          expect(seen).not.toContain(secret);
        }
      },
    },
  ]);
});
