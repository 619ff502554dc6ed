import { StandbyError } from './errors.ts';
import { type HttpResponse, readBodyText } from './http-client.ts';
import { readThrottling } from './retry-after.ts';

// S3's errors have some hundred bytes.
const largestErrorBytes = 10_000;

const newGrant =
  'the URL has expired or was changed, or the presign function’s role may not read the file. Ask for a new grant';
const nothingYet =
  'nothing was published yet for this control plane and version. See the export function’s log';

/** What S3 means by its codes (Amazon S3 API Reference, "Error responses"), and by those of KMS behind it. */
const meanings: readonly (readonly [RegExp, StandbyError['code'], string])[] = [
  [/^(AccessDenied|SignatureDoesNotMatch|InvalidAccessKeyId|RequestTimeTooSkewed)$/, 'denied', newGrant],
  // Of the role that has signed the URL.
  [/^(ExpiredToken|InvalidToken|TokenRefreshRequired|Authorization\w+)$/, 'denied', newGrant],
  [/^(SlowDown|ServiceUnavailable)$/, 'unreachable', 'too many requests come at once'],
  [/^NoSuchKey$/, 'no-file', nothingYet],
  [/^(NoSuchVersion|MethodNotAllowed)$/, 'no-file', 'the vault does not keep this revision any more'],
  [
    /^(NoSuchBucket|PermanentRedirect)$/,
    'unreachable',
    'the vault’s bucket is not there: the endpoint is of a deployment that was taken away or made anew',
  ],
  [
    /^KMS\./,
    'unreachable',
    'the vault’s encryption key cannot be used: enable it, or cancel its deletion (docs/runbook.md, "Changing the encryption key")',
  ],
];

/**
 * Why the vault gave no file, by what its answer means.
 *
 * @param response any answer but 200; it is read, as far as an error of S3 goes
 * @param now of this machine
 */
export async function readVaultRefusal(response: HttpResponse, now: Date): Promise<StandbyError> {
  const { status } = response;
  const throttling = readThrottling(response, now);
  const code = /<Code>([\w.-]{1,100})<\/Code>/.exec(await readErrorText(response))?.[1];
  if (code === undefined) {
    // What S3 has not said says nothing of the file.
    const advice =
      status < 500 ? ': it is not S3 that answers so. Look at what is on the way, such as a proxy' : '';
    return new StandbyError('unreachable', `the vault answered ${status} (no code)${advice}`, { throttling });
  }
  const answered = `the vault answered ${status} (${code})`;
  const [, meant, words] = meanings.find(([pattern]) => pattern.test(code)) ?? [];
  return meant === undefined
    ? new StandbyError('unreachable', answered, { throttling })
    : new StandbyError(meant, `${answered}: ${words}`, { throttling });
}

async function readErrorText(response: HttpResponse): Promise<string> {
  try {
    return (await readBodyText(response, largestErrorBytes)).text;
  } catch {
    // The status says enough; S3's code would only have said it better.
    return '';
  }
}
