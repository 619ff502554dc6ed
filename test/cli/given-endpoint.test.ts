import { describe, expect, it } from '@jest/globals';
import { findGivenEndpoint, findLambdaEndpoint } from '../../cli/given-endpoint.ts';
import { withVariables } from './with-variables.ts';

const all = 'https://all.example';
const own = 'https://own.example';

describe('the endpoint of a service', () => {
  it.each<[what: string, variables: Readonly<Record<string, string>>, variable: string | undefined]>([
    ['AWS’s, where nobody names one', {}, undefined],
    ['that of all services', { AWS_ENDPOINT_URL: all }, 'AWS_ENDPOINT_URL'],
    [
      'its own before that of all services',
      { AWS_ENDPOINT_URL: all, AWS_ENDPOINT_URL_STS: own },
      'AWS_ENDPOINT_URL_STS',
    ],
    ['no other service’s', { AWS_ENDPOINT_URL_LAMBDA: own }, undefined],
    [
      'that of all services, where its own is empty',
      { AWS_ENDPOINT_URL: all, AWS_ENDPOINT_URL_STS: '' },
      'AWS_ENDPOINT_URL',
    ],
    [
      'AWS’s, where the environment says to ignore what is named',
      { AWS_ENDPOINT_URL: all, AWS_ENDPOINT_URL_STS: own, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true' },
      undefined,
    ],
  ])('is %s', async (_what, variables, variable) => {
    const found = await withVariables(variables, () => findGivenEndpoint('STS'));

    expect(found).toEqual(variable === undefined ? undefined : { variable, given: variables[variable] });
  });

  it('counts more than dual stack', async () => {
    const variables = { AWS_ENDPOINT_URL: all, AWS_USE_DUALSTACK_ENDPOINT: 'true' };

    expect(await withVariables(variables, () => findLambdaEndpoint('eu-central-1')?.origin)).toBe(all);
  });
});
