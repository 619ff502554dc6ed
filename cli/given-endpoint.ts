/** AWS endpoints by the environment, for what `lifeboat` signs itself. Clients of the SDK read them, too. */
import { InvalidArgumentError } from 'commander';
import { lambdaUrl } from '../core/fetch/aws-endpoints.ts';
import { readEndpointUrl } from '../core/fetch/endpoint-url.ts';

export const endpointExpected =
  'an https:// URL is expected, of a host, a port and a path at most (http:// for this machine alone)';

/**
 * As the AWS SDKs read them (AWS SDKs and Tools Reference Guide, "Service-specific endpoints"): a service's
 * own variable counts more than the one for all services, and an empty one not at all.
 *
 * @param service as the name of its variable ends
 * @returns the variable that counts, and what it says; undefined for what AWS has by default
 */
export function findGivenEndpoint(
  service: 'LAMBDA' | 'STS',
): { readonly variable: string; readonly given: string } | undefined {
  if (process.env['AWS_IGNORE_CONFIGURED_ENDPOINT_URLS']?.toLowerCase() === 'true') {
    return undefined;
  }
  for (const variable of [`AWS_ENDPOINT_URL_${service}`, 'AWS_ENDPOINT_URL']) {
    const given = process.env[variable];
    if (given) {
      return { variable, given };
    }
  }
  return undefined;
}

/**
 * Lambda's API as the AWS SDKs' own variables say; undefined for what AWS has by default.
 *
 * @throws InvalidArgumentError that names the variable: grants come from there, so it is HTTPS
 */
export function findLambdaEndpoint(region: string): URL | undefined {
  const found = findGivenEndpoint('LAMBDA');
  if (found === undefined) {
    return process.env['AWS_USE_DUALSTACK_ENDPOINT'] === 'true' ? lambdaUrl(region, true) : undefined;
  }
  const url = readEndpointUrl(found.given);
  if (url === undefined) {
    throw new InvalidArgumentError(`${found.variable}: ${endpointExpected}`);
  }
  return url;
}
