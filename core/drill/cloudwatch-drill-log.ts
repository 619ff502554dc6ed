import * as v from 'valibot';
import type { Clock } from '../clock.ts';
import { CodedError } from '../coded-error.ts';
import { type Fetch, fetchDirectly, readBodyText } from '../fetch/http-client.ts';
import { type IamAuthentication, signRequest } from '../fetch/signed-request.ts';
import { type DrillLog, type DrillRecord, drillRecordSchema } from '../inspect/drill-record.ts';

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
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly fetch?: Fetch | undefined;
}

// An empty page may have a next one (CloudWatch Logs API Reference, "FilterLogEvents").
const mostPages = 50;
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

async function filterEvents(
  { endpoint, authentication, logGroupName, clock, fetch = fetchDirectly }: CloudWatchDrillLogOptions,
  { startTime, nextToken }: { readonly startTime: number; readonly nextToken: string | undefined },
  signal: AbortSignal,
): Promise<v.InferOutput<typeof answerSchema>> {
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
