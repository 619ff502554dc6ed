import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../core/clock.ts';
import { fetchConfig } from '../../../core/fetch/fetch-config.ts';
import { endpointGrantSource } from '../../../core/fetch/grant-source.ts';
import { systemRandom } from '../../../core/random-source.ts';
import { type HttpApi, startHttpApi } from '../../../simulators/aws/api-gateway.ts';
import { localIdentities } from '../../../simulators/aws/identities.ts';
import { manifestOf } from '../../cli/published-file.ts';
import { MemoryVault } from '../../core/fetch/memory-vault.ts';

const region = 'eu-central-1';
const route = 'GET /control-planes/prod/fallback-config';
const throttle = { perSecond: 10, burst: 5 };
const identities = localIdentities();
const credentials = identities.issue('arn:aws:sts::000000000000:assumed-role/data-plane/local');
const statuses: string[] = [];
let api: HttpApi;

beforeAll(async () => {
  api = await startHttpApi({
    region,
    accountId: '000000000000',
    identities,
    now: () => new Date(),
    guard: async () => undefined,
  });
  const vault = new MemoryVault();
  api.createRoute({
    key: route,
    authorization: 'AWS_IAM',
    function: {
      arn: `arn:aws:lambda:${region}:000000000000:function:presign`,
      invoke: async () => ({
        statusCode: 200,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(await vault.requestGrant(undefined)),
      }),
    },
  });
  api.createStage({
    throttles: new Map([[route, throttle]]),
    logFormat: '$context.status',
    log: (line) => statuses.push(line),
  });
});

afterAll(async () => {
  await api.stop();
});

describe('a fleet that boots at once behind a throttle', () => {
  it('has its file in the end, each node of it', async () => {
    const size = 24;
    const settings = { controlPlane: 'prod', kongVersion: '3.9.1', clock: systemClock, random: systemRandom };
    const grants = endpointGrantSource(
      { endpoint: new URL(api.url), authenticate: async () => ({ by: 'iam', region, credentials }) },
      { ...settings, timeoutMs: 10_000 },
    );
    let pauses = 0;
    const onThrottled = () => {
      pauses += 1;
    };

    const fetched = await Promise.all(
      Array.from({ length: size }, () =>
        fetchConfig(
          { ...settings, grants: [grants], files: new MemoryVault() },
          { spreadMs: 0, patienceMs: 120_000, onThrottled },
        ),
      ),
    );

    expect(fetched.map(({ manifest }) => manifest)).toEqual(Array(size).fill(manifestOf()));
    const count = (status: string) => statuses.filter((each) => each === status).length;
    expect([count('200'), count('429')]).toEqual([size, pauses]);
    // The throttle takes five of those that come together.
    expect(pauses).toBeGreaterThan(0);
  });
});
