import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type * as v from 'valibot';
import { defaultGuard } from '../../core/vault/plausibility.ts';
import { exportEnvironment, formatGuard, listOperator } from '../../lambdas/environment/export.ts';
import { runtimeCredentials } from '../../lambdas/environment/grants.ts';
import { listenEnvironment } from '../../lambdas/environment/listen.ts';
import { packCertificates, presignEnvironment } from '../../lambdas/environment/presign.ts';
import { packPublicKey, unpackPublicKey } from '../../lambdas/environment/public-keys.ts';
import { readEnvironment } from '../../lambdas/environment/read-environment.ts';
import { webhookEnvironment } from '../../lambdas/environment/webhook.ts';
import { authorityExtensions, issue } from '../core/access/certificates.ts';

type Variables = Readonly<Record<string, string>>;

const webhook: Variables = {
  CONTROL_PLANES: '{"prod":{"queueUrl":"https://queue","secretId":"hooks/prod"}}',
  COALESCING_WINDOW_SECONDS: '2',
  ACCEPT_SHA1: 'true',
};
const exporting: Variables = {
  CONTROL_PLANE: 'prod',
  CLUSTER_ENDPOINT: 'kong.internal:8005',
  CLUSTER_MTLS: 'shared',
  CLUSTER_SERVER_NAME: '',
  CLUSTER_CERTIFICATE_SECRET: 'cluster/prod',
  PROXY_SERVER: '',
  PROXY_SECRET: '',
  DATA_PLANE_VERSIONS: '3.9.1,3.8.1.2',
  CUSTOM_PLUGINS: '',
  WASM_FILTERS: '',
  MAX_FRAME_MIB: '64',
  BUCKET: 'vault',
  ENCRYPTION_KEY_ARN: 'arn:e',
  SIGNING_KEY_ARN: 'arn:s',
  FURTHER_SIGNING_KEY_ARNS: '',
  RETIRED_SIGNING_KEYS: '',
  OBJECT_LOCK_DAYS: '0',
  QUEUE_URL: 'https://queue',
  OPERATORS: '[["arn:all"],["arn:some","unpin","export"]]',
  SETTLE_SECONDS: '7',
  CLOCK_TOLERANCE_SECONDS: '0',
  SCHEDULE_MINUTES: '5',
  MINIMUM_INTERVAL_SECONDS: '5',
  GUARD: '10,50',
};
const listening: Variables = {
  CONTROL_PLANE: 'prod',
  CLUSTER_ENDPOINT: 'kong.internal:8005',
  CLUSTER_MTLS: 'shared',
  CLUSTER_SERVER_NAME: '',
  CLUSTER_CERTIFICATE_SECRET: 'cluster/prod',
  PROXY_SERVER: '',
  PROXY_SECRET: '',
  DATA_PLANE_VERSIONS: '3.9.1,3.8.1.2',
  CUSTOM_PLUGINS: '',
  WASM_FILTERS: '',
  MAX_FRAME_MIB: '64',
  QUEUE_URL: 'https://queue',
  NODE_SEED: 'vault/prod',
};
const presign: Variables = {
  CONTROL_PLANE: 'prod',
  BUCKET: 'vault',
  DATA_PLANE_VERSIONS: '3.9.1',
  URL_SUFFIX: 'amazonaws.com',
  DUAL_STACK: 'false',
  URL_LIFETIME_SECONDS: '120',
  DRILL_ROLE_ARN: '',
  API_ORIGIN: 'arn:stack',
  CLUSTER_CERTIFICATES: '',
  CLUSTER_AUTHORITIES: '',
  CLUSTER_COMMON_NAMES: '',
};
const runtime: Variables = {
  AWS_REGION: 'eu-central-1',
  AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'secret',
};

const functions: readonly (readonly [name: string, schema: v.GenericSchema, variables: Variables])[] = [
  ['webhook', webhookEnvironment, webhook],
  ['export', exportEnvironment, exporting],
  ['listen', listenEnvironment, listening],
  ['presign', presignEnvironment, presign],
  ['runtime', runtimeCredentials, runtime],
];

describe('the environment of a function', () => {
  it('of the webhook says where the hooks go', () => {
    expect(readEnvironment(webhookEnvironment, webhook)).toEqual({
      CONTROL_PLANES: { prod: { queueUrl: 'https://queue', secretId: 'hooks/prod' } },
      COALESCING_WINDOW_SECONDS: 2,
      ACCEPT_SHA1: true,
    });
  });

  it('of the export has its lists and numbers', () => {
    expect(readEnvironment(exportEnvironment, { ...exporting, CUSTOM_PLUGINS: 'acme,other' })).toMatchObject({
      DATA_PLANE_VERSIONS: ['3.9.1', '3.8.1.2'],
      CUSTOM_PLUGINS: ['acme', 'other'],
      SETTLE_SECONDS: 7,
      CLOCK_TOLERANCE_SECONDS: 0,
      SCHEDULE_MINUTES: 5,
      MINIMUM_INTERVAL_SECONDS: 5,
      GUARD: { minimumEntities: 10, maximumLossPercent: 50 },
    });
    expect(readEnvironment(exportEnvironment, exporting).CUSTOM_PLUGINS).toEqual([]);
  });

  it('of the export has its operators, each with all commands or with those that are named', () => {
    expect(readEnvironment(exportEnvironment, exporting).OPERATORS).toEqual([
      { arn: 'arn:all', commands: undefined },
      { arn: 'arn:some', commands: ['unpin', 'export'] },
    ]);
    expect(listOperator({ arn: 'arn:some', commands: ['unpin', 'export'] })).toEqual([
      'arn:some',
      'unpin',
      'export',
    ]);
    expect(() =>
      readEnvironment(exportEnvironment, { ...exporting, OPERATORS: '[["arn:a","delete"]]' }),
    ).toThrow('OPERATORS');
  });

  it('of the export has each retired key as it was packed, in 123 bytes', () => {
    const keys = [1, 2].map(() => generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey);
    const packed = keys.map(packPublicKey).join(',');

    const { RETIRED_SIGNING_KEYS } = readEnvironment(exportEnvironment, {
      ...exporting,
      RETIRED_SIGNING_KEYS: packed,
    });

    expect(
      RETIRED_SIGNING_KEYS.map((each) =>
        createPublicKey({ key: Buffer.from(unpackPublicKey(each)), format: 'der', type: 'spki' }),
      ).map((key, index) => keys[index]?.equals(key)),
    ).toEqual([true, true]);
    expect(packed.length + 1).toBe(2 * 123);
  });

  it.each(['off', { minimumEntities: 1, maximumLossPercent: 0 }, defaultGuard] as const)(
    'of the export says what is held as it was set: %j',
    (setting) => {
      expect(readEnvironment(exportEnvironment, { ...exporting, GUARD: formatGuard(setting) }).GUARD).toEqual(
        setting,
      );
    },
  );

  it('may be without session token and endpoint, and has much that is not ours', () => {
    expect(readEnvironment(runtimeCredentials, { ...runtime, PATH: '/bin' })).toEqual(runtime);
    expect(readEnvironment(presignEnvironment, { ...presign, PATH: '/bin' })).toMatchObject({
      URL_SUFFIX: 'amazonaws.com',
      DUAL_STACK: false,
      URL_LIFETIME_SECONDS: 120,
    });
  });

  it.each(
    functions.flatMap(([name, schema, variables]) =>
      Object.keys(variables).map((variable) => [name, variable, schema, variables] as const),
    ),
  )('of %s is refused without %s, by name', (_, variable, schema, variables) => {
    const { [variable]: __, ...without } = variables;

    expect(() => readEnvironment(schema, without)).toThrow(new RegExp(`\\(${variable}: [^;]*\\)$`));
  });

  it.each([
    ['webhook', 'CONTROL_PLANES', ''],
    ['webhook', 'CONTROL_PLANES', '{"Prod":{"queueUrl":"q","secretId":"s"}}'],
    ['webhook', 'CONTROL_PLANES', '{"prod":{"queueUrl":"q"}}'],
    ['webhook', 'CONTROL_PLANES', '{"prod":{"queueUrl":"","secretId":"s"}}'],
    ['webhook', 'COALESCING_WINDOW_SECONDS', '0'],
    ['webhook', 'COALESCING_WINDOW_SECONDS', '2s'],
    ['webhook', 'ACCEPT_SHA1', 'yes'],
    ['presign', 'DUAL_STACK', 'yes'],
    ['export', 'CONTROL_PLANE', 'prod/test'],
    ['export', 'CONTROL_PLANE', 'x'.repeat(41)],
    ['export', 'CLUSTER_ENDPOINT', 'kong.internal'],
    ['export', 'CLUSTER_ENDPOINT', 'https://kong.internal:8005'],
    ['export', 'CLUSTER_ENDPOINT', '2001:db8::1:8005'],
    ['export', 'CLUSTER_ENDPOINT', '[2001:db8::1]'],
    ['export', 'CLUSTER_MTLS', 'none'],
    ['export', 'PROXY_SERVER', 'proxy:3128'],
    ['export', 'PROXY_SERVER', 'http://lifeboat:sesame@proxy:3128'],
    ['export', 'CLUSTER_CERTIFICATE_SECRET', ''],
    ['export', 'DATA_PLANE_VERSIONS', ''],
    ['export', 'DATA_PLANE_VERSIONS', '3.9'],
    ['export', 'DATA_PLANE_VERSIONS', '3.9.1, 3.8.1'],
    ['export', 'BUCKET', ''],
    ['export', 'ENCRYPTION_KEY_ARN', ''],
    ['export', 'SIGNING_KEY_ARN', ''],
    ['export', 'RETIRED_SIGNING_KEYS', '-----BEGIN PUBLIC KEY-----'],
    ['export', 'OBJECT_LOCK_DAYS', '-1'],
    ['export', 'QUEUE_URL', ''],
    ['export', 'SETTLE_SECONDS', '-1'],
    ['export', 'SETTLE_SECONDS', '1.5'],
    ['export', 'CLOCK_TOLERANCE_SECONDS', ''],
    ['export', 'MINIMUM_INTERVAL_SECONDS', '1e3'],
    ['export', 'GUARD', ''],
    ['export', 'GUARD', '0,50'],
    ['export', 'GUARD', '10,101'],
    ['listen', 'DATA_PLANE_VERSIONS', ''],
    ['listen', 'NODE_SEED', ''],
    ['presign', 'CONTROL_PLANE', ''],
    ['presign', 'BUCKET', ''],
    ['presign', 'DATA_PLANE_VERSIONS', ','],
    ['presign', 'URL_LIFETIME_SECONDS', '0'],
    ['presign', 'CLUSTER_CERTIFICATES', 'x'.repeat(42)],
    ['presign', 'CLUSTER_CERTIFICATES', 'x'.repeat(44)],
    ['presign', 'CLUSTER_AUTHORITIES', 'AAAA'],
    ['runtime', 'AWS_REGION', ''],
    ['runtime', 'AWS_ACCESS_KEY_ID', ''],
    ['runtime', 'AWS_SECRET_ACCESS_KEY', ''],
    ['runtime', 'AWS_SESSION_TOKEN', ''],
    ['runtime', 'AWS_ENDPOINT_URL_S3', ''],
  ])('of %s is refused with a wrong %s ("%s"), by name', (name, variable, value) => {
    const [, schema, variables] = functions.find(([each]) => each === name) ?? [];

    const reading = () => schema && readEnvironment(schema, { ...variables, [variable]: value });

    expect(reading).toThrow(new RegExp(`\\(${variable}(\\.[^:;]+)?: [^;]+\\)$`));
  });

  it('of the presign function holds certificates of authorities, in little room', async () => {
    const authorities = await Promise.all(
      ['Root 1', 'Root 2'].map((commonName) => issue({ commonName, extensions: authorityExtensions() })),
    );
    const certificates = authorities.map(({ certificate }) => certificate);

    const packed = packCertificates(certificates);

    const { CLUSTER_AUTHORITIES: read } = readEnvironment(presignEnvironment, {
      ...presign,
      CLUSTER_AUTHORITIES: packed,
    });
    expect(read.map(({ fingerprint256 }) => fingerprint256)).toEqual(
      certificates.map(({ fingerprint256 }) => fingerprint256),
    );
    expect(packed.length).toBeLessThan(
      certificates.map(({ raw }) => raw.toString('base64').length).reduce((sum, each) => sum + each, 0),
    );
    expect(packCertificates([])).toBe('');
  });

  it('names all that is wrong at once', () => {
    const reading = () =>
      readEnvironment(presignEnvironment, { ...presign, BUCKET: '', URL_LIFETIME_SECONDS: '0' });

    expect(reading).toThrow(/BUCKET: .*; URL_LIFETIME_SECONDS: /);
  });
});

describe('the name of a control plane', () => {
  it.each([
    ['p', true],
    ['x'.repeat(40), true],
    ['x'.repeat(41), false],
    ['', false],
    ['Prod', false],
    ['prod_eu', false],
    ['prod\n', false],
  ])('%j: %s', (name, accepted) => {
    const reading = () => readEnvironment(presignEnvironment, { ...presign, CONTROL_PLANE: name });

    if (accepted) {
      expect(reading).not.toThrow();
    } else {
      expect(reading).toThrow('CONTROL_PLANE');
    }
  });
});
