/** Whether the API is there, and what time it is there. */
import { systemClock } from '../../core/clock.ts';
import { urlBelow } from '../../core/fetch/endpoint-url.ts';
import { describeRequestFailure, fetchOver, readBodyText } from '../../core/fetch/http-client.ts';
import type { Network } from '../../core/fetch/network.ts';
import { isStrangersAnswer } from '../../core/fetch/signed-request.ts';
import type { Finding } from './finding.ts';

const timeoutMs = 15_000;
/** AWS refuses signatures that are so far off (IAM User Guide, "Signature Version 4"). */
const refusedMs = 5 * 60_000;
const noticedMs = 60_000;

/** Findings about the clock and the endpoint. It never throws. */
export async function checkEndpoint(
  endpoint: URL,
  region: string,
  network: Network,
): Promise<readonly [clock: Finding, endpoint: Finding]> {
  const before = systemClock.now().getTime();
  try {
    const response = await fetchOver(network)(urlBelow(endpoint, '/'), {
      signal: systemClock.deadline(timeoutMs),
    });
    const { text } = await readBodyText(response, 2 ** 16);
    const after = systemClock.now().getTime();
    return [
      compareClocks(response.headers.get('date'), (before + after) / 2, endpoint.host),
      describeAnswer(response.status, text, `${endpoint.href.replace(/\/$/, '')}, region ${region}`),
    ];
  } catch (error) {
    const what = `${endpoint.origin} did not answer (${describeRequestFailure(error)})`;
    return [
      { check: 'clock', outcome: 'unknown', what },
      { check: 'endpoint', outcome: 'bad', what, next: 'check --endpoint or --stack, and the way there' },
    ];
  }
}

/** The header tells whole seconds. */
function compareClocks(date: string | null, nowMs: number, host: string): Finding {
  const thereMs = Date.parse(date ?? '');
  if (Number.isNaN(thereMs)) {
    return { check: 'clock', outcome: 'unknown', what: `${host} does not say what time it is` };
  }
  const offMs = nowMs - thereMs;
  const seconds = Math.round(Math.abs(offMs) / 1000);
  if (Math.abs(offMs) < noticedMs) {
    return { check: 'clock', outcome: 'good', what: `within a minute of ${host}` };
  }
  return {
    check: 'clock',
    outcome: Math.abs(offMs) < refusedMs ? 'attention' : 'bad',
    what: `this machine’s clock is ${seconds} s ${offMs < 0 ? 'behind' : 'ahead of'} ${host}: AWS takes 300 s at most`,
    next: 'set the clock (chrony, systemd-timesyncd); the signatures of every command depend on it',
  };
}

function describeAnswer(status: number, text: string, place: string): Finding {
  if (isStrangersAnswer(status, text)) {
    return {
      check: 'endpoint',
      outcome: 'bad',
      what: `${place}: neither AWS nor Lifeboat answers so (${status})`,
      next: 'check --endpoint, and what is on the way, such as a proxy',
    };
  }
  return status >= 500
    ? {
        check: 'endpoint',
        outcome: 'bad',
        what: `${place}: it answered ${status}`,
        next: 'ask again, then look at the API’s log',
      }
    : { check: 'endpoint', outcome: 'good', what: place };
}
