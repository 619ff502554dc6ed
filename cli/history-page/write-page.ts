/** Writes the page of a history to a file. */
import { systemClock } from '../../core/clock.ts';
import { openOutputFile, requireOutputPlace } from '../../core/fetch/output-file.ts';
import { systemRandom } from '../../core/random-source.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { asker, type InspectOptions, showProgress } from '../inspection/asking.ts';
import { countOf, forTerminal } from '../inspection/words.ts';
import { print } from '../print.ts';
import { gatherHistory } from './history.ts';
import { historyPage } from './page.ts';

export interface PageOptions extends InspectOptions {
  /** The file. */
  readonly html: string;
  /** How many revisions are compared with the one before them. */
  readonly diffs: number;
  readonly maxCheckAgeMs: number;
}

/** What a killed run left is taken away after so long. */
const abandonedMs = 15 * 60_000;

/**
 * Asks for a history, and writes it as a page that its owner alone may read: it names what the gateway has.
 *
 * @throws ApiError, or StandbyError `output` when the file cannot be written
 */
export async function writeHistoryPage(options: PageOptions): Promise<void> {
  const { html: output, diffs, kongVersion, maxCheckAgeMs } = options;
  const ask = await asker(options);
  // Before the minutes that many comparisons take: a place that cannot be written is told at once.
  await requireOutputPlace(output);
  const history = await gatherHistory(ask, { kongVersion, diffs, onProgress: showProgress }).finally(() =>
    showProgress(''),
  );
  const page = historyPage(history, { release: packageJson.version, maxCheckAgeMs });
  const place = { output, timeoutMs: abandonedMs, clock: systemClock, random: systemRandom };
  const file = await openOutputFile(place);
  try {
    await file.write(Buffer.from(page));
    await file.complete();
  } catch (error) {
    await file.abandon();
    throw error;
  }
  const { versions, comparisons } = history;
  const made = `${output}: ${countOf(versions.length, 'version', 'versions')}, ${comparisons.size} compared with the one before.`;
  await print(`${forTerminal(made)} It is yours alone to read.\n`);
}
