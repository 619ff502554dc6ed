/** Sends a signed ping to Lifeboat's webhook. */
import { createHmac } from 'node:crypto';
import { systemClock } from '../../core/clock.ts';
import { ApiError } from '../../core/fetch/api-request.ts';
import { describeRequestFailure, fetchOver, readBodyText } from '../../core/fetch/http-client.ts';
import { isStrangersAnswer, readExplanation } from '../../core/fetch/signed-request.ts';
import { forTerminal } from '../inspection/words.ts';
import { print } from '../print.ts';
import type { TestOptions } from './options.ts';
import { findWebhook, type Webhook } from './webhook.ts';

const timeoutMs = 35_000;
/** As Kong sends it for a new hook, without the hook's own config. */
const ping = JSON.stringify({ source: 'kong:event_hooks', event: 'ping' });

/**
 * @throws ApiError `denied` for a secret that Lifeboat does not know, `refused` for a control plane that it
 * does not have, `failed` when it does not answer, or somebody else does
 */
export async function testHook(options: TestOptions): Promise<void> {
  const webhook = await findWebhook(options);
  const algorithm = options.sha1 === true ? 'sha1' : 'sha256';
  const signature = createHmac(algorithm, await webhook.readSecret())
    .update(ping)
    .digest('hex');
  const { status, text } = await send(webhook, `${algorithm}=${signature}`);
  const { controlPlane, url } = webhook;
  const said = `${url.href} answered ${status} to a ping that was signed with ${algorithm}${forTerminal(readExplanation(text))}`;
  if (status !== 200) {
    throw describeRefusal(status, text, said, algorithm);
  }
  await print(
    options.json === true
      ? `${JSON.stringify({ controlPlane, url: url.href, algorithm, status })}\n`
      : `${said}: place and secret are right.\n`,
  );
}

async function send({ url, network }: Webhook, signature: string) {
  try {
    const response = await fetchOver(network)(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(ping)),
        'x-kong-signature': signature,
      },
      body: ping,
      signal: systemClock.deadline(timeoutMs),
    });
    return { status: response.status, text: (await readBodyText(response, 2 ** 16)).text };
  } catch (error) {
    throw new ApiError(
      'failed',
      `${url.origin} did not answer (${describeRequestFailure(error)}). Check --endpoint or --stack, and the way there`,
      { cause: error },
    );
  }
}

function describeRefusal(status: number, text: string, said: string, algorithm: 'sha1' | 'sha256'): ApiError {
  if (isStrangersAnswer(status, text) || (status < 400 && status !== 202)) {
    return new ApiError(
      'failed',
      `${said}: it is not Lifeboat that answers so. Check --endpoint, and what is on the way`,
    );
  }
  switch (status) {
    case 401:
      return new ApiError(
        'denied',
        `${said}: it knows another secret. A new value is known within a minute (docs/runbook.md, "Rotating the hook secret")${
          algorithm === 'sha1' ? '; or the setting acceptSha1 is false' : ''
        }`,
      );
    case 404:
      return new ApiError('refused', `${said}: check --control-plane, and --endpoint`);
    default:
      return new ApiError(
        status >= 500 || status === 429 ? 'failed' : 'refused',
        `${said}. Ask again, then docs/runbook.md, "Webhook failing"`,
      );
  }
}
