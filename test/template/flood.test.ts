import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseSettings } from '../../lib/settings/settings.ts';
import { exampleCertificate } from '../../policy/example-certificate.ts';
import { type HttpApi, startHttpApi } from '../../simulators/aws/api-gateway.ts';
import { localIdentities } from '../../simulators/aws/identities.ts';
import { listThrottledRoutes } from '../../template/route-throttles.ts';
import { synthesizedTemplate } from '../../template/synthesized-stack.ts';
import { iamHeaders } from '../simulators/aws/signed-requests.ts';

const region = 'eu-central-1';
const accountId = '000000000000';
const identities = localIdentities();
const dataPlane = identities.issue(`arn:aws:sts::${accountId}:assumed-role/data-plane/local`);
const unit = (clusterEndpoint: string) => ({ clusterEndpoint, dataPlaneVersions: ['3.9.1'] });
const routes = listThrottledRoutes(
  synthesizedTemplate(
    parseSettings({
      controlPlanes: { attacked: unit('cp:8005'), other: unit('other-cp:8005') },
      dataPlaneAuth: { iam: true, clusterCertificate: { certificates: [exampleCertificate] } },
    }),
  ),
);
const isOfOther = ({ key }: { readonly key: string }) => key.includes('/other/');
let api: HttpApi;

beforeAll(async () => {
  // The clock stands still: nothing is filled up again.
  const now = new Date();
  api = await startHttpApi({ region, accountId, identities, now: () => now });
  for (const { key, isSigned } of routes) {
    const invoke = async () => ({ statusCode: 202 });
    const arn = `arn:aws:lambda:${region}:${accountId}:function:any`;
    api.createRoute({ key, authorization: isSigned ? 'AWS_IAM' : 'NONE', function: { arn, invoke } });
  }
  const throttles = new Map(routes.map(({ key, ...throttle }) => [key, throttle]));
  api.createStage({ throttles, logFormat: '', log: () => undefined });
});

afterAll(() => api.stop());

const ask = async (key: string, headers: Readonly<Record<string, string>> = {}) => {
  const [method = '', path = ''] = key.replaceAll(/\{\w+\}/g, 'anything').split(' ');
  const url = `${api.url}${path}`;
  return { url, status: (await fetch(url, { method, headers })).status };
};

describe('a stranger’s flood', () => {
  it('throttles the route that it comes to, until nothing more is let through', async () => {
    const flooded = routes.filter((route) => !isOfOther(route));

    const statuses = await Promise.all(
      flooded.map(async ({ key, burst }) => {
        const answers = await Promise.all(Array.from({ length: burst + 20 }, () => ask(key)));
        return answers.filter(({ status }) => status === 429).length;
      }),
    );

    expect(flooded.map(({ key }) => key)).toContain('POST /control-planes/attacked/events');
    expect(statuses).toEqual(flooded.map(() => 20));
  });

  it('leaves hooks and boots of another control plane alone, a whole fleet of them', async () => {
    const grant = 'GET /control-planes/other/fallback-config';
    const { burst = 0 } = routes.find(({ key }) => key === grant) ?? {};
    const headers = await iamHeaders({
      url: `${api.url}/control-planes/other/fallback-config`,
      identity: dataPlane,
      region,
    });

    const boots = await Promise.all(Array.from({ length: burst }, () => ask(grant, { ...headers })));
    const others = await Promise.all(
      routes.filter((route) => isOfOther(route) && !route.isSigned).map(({ key }) => ask(key)),
    );

    expect(burst).toBeGreaterThan(0);
    expect(new Set(boots.map(({ status }) => status))).toEqual(new Set([202]));
    expect(others.map(({ status }) => status)).toEqual([202, 202]);
  });
});
