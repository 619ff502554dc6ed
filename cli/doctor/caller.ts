/** Whose credentials these are, by STS, which every caller may ask. */
import { systemClock } from '../../core/clock.ts';
import { stsUrl } from '../../core/fetch/aws-endpoints.ts';
import { formatAge } from '../../core/fetch/currency.ts';
import { urlBelow } from '../../core/fetch/endpoint-url.ts';
import { describeRequestFailure, fetchOver, readBodyText } from '../../core/fetch/http-client.ts';
import { describeSigner, signRequest } from '../../core/fetch/signed-request.ts';
import type { AwsAccess } from '../aws-access.ts';
import { findGivenEndpoint } from '../given-endpoint.ts';
import { forTerminal } from '../inspection/words.ts';
import type { Finding } from './finding.ts';

const timeoutMs = 10_000;
/** Whoever looks may need the credentials for the next command as well. */
const endingMs = 15 * 60_000;
const check = 'credentials';

/**
 * @param profile as it was named
 * @returns it never throws: without an answer nobody knows
 */
export async function checkCaller(
  { credentials, network }: AwsAccess,
  region: string,
  profile: string | undefined,
): Promise<Finding> {
  const found = findGivenEndpoint('STS');
  if (found !== undefined && !URL.canParse(found.given)) {
    const what = `${found.variable} is no URL, and STS was not asked`;
    return { check, outcome: 'unknown', what, next: 'set it to a URL, or unset it' };
  }
  const url = found === undefined ? stsUrl(region) : new URL(found.given);
  const by = profile === undefined ? '' : `, profile ${profile}`;
  try {
    const { url: signedUrl, ...request } = await signRequest(
      { by: 'iam', region, credentials },
      'sts',
      {
        url: urlBelow(url, '/'),
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: 'Action=GetCallerIdentity&Version=2011-06-15',
      },
      systemClock.now(),
    );
    const response = await fetchOver(network)(signedUrl, {
      ...request,
      signal: systemClock.deadline(timeoutMs),
    });
    const { text } = await readBodyText(response, 2 ** 16);
    const arn = readMember(text, 'Arn');
    if (response.status !== 200 || arn === undefined) {
      const code = readMember(text, 'Code') ?? `status ${response.status}`;
      return describeRefusal(forTerminal(code), describeSigner({ by: 'iam', region, credentials }));
    }
    const { expiration } = credentials;
    const now = systemClock.now();
    const isEnding = expiration !== undefined && expiration.getTime() - now.getTime() < endingMs;
    const end = expiration === undefined ? '' : `, for another ${formatAge(now, expiration)}`;
    return {
      check,
      outcome: isEnding ? 'attention' : 'good',
      what: forTerminal(`${arn}${by}${end}`),
      ...(isEnding ? { next: renewing } : {}),
    };
  } catch (error) {
    return {
      check,
      outcome: 'unknown',
      what: `STS at ${url.host} did not answer (${describeRequestFailure(error)})`,
      next: 'check the way to it, HTTPS_PROXY and NO_PROXY; other checks go on',
    };
  }
}

const renewing = 'get new ones: aws sso login, or assume the role again';

/** Codes of STS (API Reference, "Common Errors"). */
const nextSteps: Readonly<Record<string, string>> = {
  ExpiredToken: renewing,
  ExpiredTokenException: renewing,
  RequestExpired: 'set this machine’s clock',
  SignatureDoesNotMatch: 'check the secret access key, and this machine’s clock',
  InvalidClientTokenId:
    'check AWS_ACCESS_KEY_ID and AWS_SESSION_TOKEN, or the profile: the key is unknown, or of another partition',
};

function describeRefusal(code: string, signer: string): Finding {
  const next = nextSteps[code];
  return next === undefined
    ? { check, outcome: 'unknown', what: `STS answered ${code}`, next: 'ask again' }
    : { check, outcome: 'bad', what: `STS does not take them (${code}). ${signer}`, next };
}

/** STS answers in XML, or in JSON to who accepts that. */
function readMember(text: string, name: string): string | undefined {
  const [, inXml, inJson] =
    new RegExp(`<${name}>([^<]+)</${name}>|"${name}"\\s*:\\s*"([^"]+)"`).exec(text) ?? [];
  return inXml ?? inJson;
}
