import * as v from 'valibot';
import { attempt } from '../attempt.ts';
import type { Clock } from '../clock.ts';
import { CodedError } from '../coded-error.ts';
import { type Fetch, fetchDirectly, readBodyText } from '../fetch/http-client.ts';
import { type IamAuthentication, signRequest } from '../fetch/signed-request.ts';
import { type DrillLog, type DrillRecord, drillRecordSchema } from '../inspect/drill-record.ts';
import type { RandomSource } from '../random-source.ts';

/** What the line of a drill begins its message with. */
export const drillMessage = 'drill';

/** The log of drills could not be read; nothing depends on it but how often one is played. */
export class DrillLogError extends CodedError<'unavailable'> {
  override readonly name = 'DrillLogError';
}

export interface CloudWatchDrillLogOptions {
  /** Of CloudWatch Logs. */
  readonly endpoint: URL;
  readonly authentication: IamAuthentication;
  /** The log group of the function that plays drills: its own. */
  readonly logGroupName: string;
  /** How far back is looked. */
  readonly hours: number;
  /** For all of it. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Spreads what asks again. */
  readonly random: Pick<RandomSource, 'next'>;
  readonly fetch?: Fetch | undefined;
}

// An empty page may have a next one (CloudWatch Logs API Reference, "FilterLogEvents").
const mostPages = 50;
const firstPauseMs = 500;
const longestPauseMs = 5_000;
const largestAnswerBytes = 2 ** 21;

const answerSchema = v.object({
  events: v.optional(v.array(v.object({ message: v.string() })), []),
  nextToken: v.optional(v.string()),
});
const lineSchema = v.pipe(v.string(), v.parseJson(), v.object({ drill: drillRecordSchema }));

/** Drills as the function’s own log has them. By one request: the SDK for it is larger than the function. */
export function cloudWatchDrillLog(options: CloudWatchDrillLogOptions): DrillLog {
  return {
    async last(signal) {
      const { clock, hours, timeoutMs } = options;
      const startTime = clock.now().getTime() - hours * 3_600_000;
      const deadline = clock.deadline(timeoutMs, signal);
      let newest: DrillRecord | undefined;
      let nextToken: string | undefined;
      for (let pages = 0; pages < mostPages; pages += 1) {
        const answer = await filterEvents(options, { startTime, nextToken }, deadline);
        for (const { message } of answer.events) {
          const line = v.safeParse(lineSchema, message);
          // Of two lines of a drill the later one says more.
          if (line.success && (newest === undefined || line.output.drill.at >= newest.at)) {
            newest = line.output.drill;
          }
        }
        nextToken = answer.nextToken;
        if (nextToken === undefined) {
          break;
        }
      }
      return newest;
    },
  };
}

type Page = v.InferOutput<typeof answerSchema>;

/**
 * Asks until there is an answer, or no time: an account and region may ask five times a second, and the
 * schedules of a whole deployment come in the same moment
 * (repost.aws/knowledge-center/cloudwatch-logs-throttling).
 */
async function filterEvents(
  options: CloudWatchDrillLogOptions,
  asked: { readonly startTime: number; readonly nextToken: string | undefined },
  signal: AbortSignal,
): Promise<Page> {
  const { clock, random } = options;
  for (let longestMs = firstPauseMs; ; longestMs = Math.min(2 * longestMs, longestPauseMs)) {
    const answer = await askForEvents(options, asked, signal);
    if ('events' in answer) {
      return answer;
    }
    const waited = await attempt(clock.sleep(longestMs * (0.5 + random.next() / 2), signal));
    if ('error' in waited) {
      throw new DrillLogError('unavailable', `CloudWatch Logs answered ${answer.refused} again and again`);
    }
  }
}

/** @returns the status of a refusal that passes */
async function askForEvents(
  { endpoint, authentication, logGroupName, clock, fetch = fetchDirectly }: CloudWatchDrillLogOptions,
  { startTime, nextToken }: { readonly startTime: number; readonly nextToken: string | undefined },
  signal: AbortSignal,
): Promise<Page | { readonly refused: number }> {
  const { url, ...request } = await signRequest(
    authentication,
    'logs',
    {
      url: endpoint,
      method: 'POST',
      headers: {
        'content-type': 'application/x-amz-json-1.1',
        'x-amz-target': 'Logs_20140328.FilterLogEvents',
      },
      body: JSON.stringify({
        logGroupName,
        startTime,
        filterPattern: `{ $.message = "${drillMessage} *" }`,
        ...(nextToken === undefined ? {} : { nextToken }),
      }),
    },
    clock.now(),
  );
  try {
    const response = await fetch(url, { ...request, signal });
    const { text } = await readBodyText(response, largestAnswerBytes);
    if (isThrottled(response.status, text)) {
      return { refused: response.status };
    }
    if (response.status !== 200) {
      throw new DrillLogError('unavailable', `CloudWatch Logs answered ${response.status}`);
    }
    return v.parse(answerSchema, JSON.parse(text));
  } catch (error) {
    if (error instanceof DrillLogError) {
      throw error;
    }
    throw new DrillLogError('unavailable', 'CloudWatch Logs did not answer as it does', { cause: error });
  }
}

/** Its error type stands in the body. */
function isThrottled(status: number, text: string): boolean {
  return status === 429 || status === 503 || (status === 400 && /"__type"\s*:\s*"[^"]*Throttling/.test(text));
}
