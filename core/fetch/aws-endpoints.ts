/**
 * Names of AWS endpoints in every partition (China, GovCloud, European Sovereign Cloud, ISO), by the SDK's
 * own table.
 */
import { partition } from '@aws-sdk/core/client';

/** URL of Lambda's API in a region; of the one with IPv6 addresses, too, where that is asked for. */
export function lambdaUrl(region: string, isDualStack = false): URL {
  const { dnsSuffix, dualStackDnsSuffix } = partition(region);
  return new URL(`https://lambda.${region}.${isDualStack ? dualStackDnsSuffix : dnsSuffix}`);
}

/** URL of STS in a region. */
export function stsUrl(region: string): URL {
  return new URL(`https://sts.${region}.${partition(region).dnsSuffix}`);
}

/** @returns the region in the ARN of a function; undefined when it is no such ARN */
export function findFunctionRegion(arn: URL): string | undefined {
  return /^arn:[a-z-]+:lambda:([a-z0-9-]+):/.exec(arn.href)?.[1];
}

/**
 * Finds the region in API Gateway's own name of an API.
 *
 * @returns undefined when the host has another name, such as a domain of one's own
 */
export function findApiRegion({ hostname }: URL): string | undefined {
  const [, region = '', suffix] = /\.execute-api\.([a-z0-9-]+)\.([a-z0-9.-]+?)\.?$/.exec(hostname) ?? [];
  const { dnsSuffix, dualStackDnsSuffix } = partition(region);
  return suffix === dnsSuffix || suffix === dualStackDnsSuffix ? region : undefined;
}
