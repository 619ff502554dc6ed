/** Asks for the status again and again, and shows what has changed. */

import { systemClock } from '../../core/clock.ts';
import type { ReachedApi } from '../api-access.ts';
import { reachApi } from '../api-access.ts';
import { readFailure } from '../failure.ts';
import { print } from '../print.ts';
import { askStatus, formatJson, type StatusOptions } from './status.ts';
import { summarize } from './status-report.ts';
import { formatReport, lookOf } from './status-text.ts';

/** After so long credentials may have been renewed, and the stack changed. */
const reachAgainMs = 10 * 60_000;
/** To the first column of the first line, and nothing below. */
const clearScreen = '\u001b[H\u001b[2J';

/**
 * On a terminal the status is drawn anew each time; elsewhere there is a line for each change, with `--json`
 * a whole answer. A round that fails is shown as one, and the next one is tried.
 *
 * @returns never, unless nobody reads what is printed
 * @throws InvalidArgumentError
 */
export async function watchStatus(options: StatusOptions, intervalSeconds: number): Promise<void> {
  let reached: { readonly api: ReachedApi; readonly untilMs: number } | undefined;
  let last: string | undefined;
  while (process.stdout.writable) {
    const round = await askRound(options, reached);
    reached = round.reached;
    if (process.stdout.isTTY && options.json !== true) {
      const foot = `Every ${intervalSeconds} s, ${systemClock.now().toISOString()}. Ctrl-C ends it.`;
      await print(`${clearScreen}${round.text()}\n${lookOf().paint(foot, 'faint')}\n`);
    } else if (round.summary !== last) {
      await print(
        options.json === true ? round.json() : `${systemClock.now().toISOString()} ${round.summary}\n`,
      );
    }
    last = round.summary;
    await systemClock.sleep(intervalSeconds * 1000);
  }
}

interface Round {
  readonly reached: { readonly api: ReachedApi; readonly untilMs: number } | undefined;
  readonly summary: string;
  readonly text: () => string;
  readonly json: () => string;
}

async function askRound(options: StatusOptions, before: Round['reached']): Promise<Round> {
  const nowMs = systemClock.monotonicMs();
  try {
    const reached =
      before !== undefined && nowMs < before.untilMs
        ? before
        : { api: await reachApi(options), untilMs: nowMs + reachAgainMs };
    const report = await askStatus(options, reached.api);
    return {
      reached,
      summary: summarize(report),
      text: () => formatReport(report, lookOf()),
      json: () => formatJson(report, options),
    };
  } catch (error) {
    const failure = readFailure(error, '');
    // Wrong options do not mend themselves.
    if (failure === undefined || failure.code === 'usage') {
      throw error;
    }
    return {
      reached: undefined,
      summary: `no answer (${failure.code}): ${failure.message}`,
      text: () => `${failure.message}\n`,
      json: () => `${JSON.stringify({ error: failure })}\n`,
    };
  }
}
