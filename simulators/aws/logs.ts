/** FilterLogEvents of CloudWatch Logs, over files. Behaviour: its API Reference. */
import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { type Access, overTls } from './access.ts';
import { jsonOperation, startJsonService } from './json-service.ts';
import { type RunningService, type ServiceContext, ServiceError } from './signed-server.ts';

export interface LocalLogs extends RunningService {
  /** Makes a log group of a file with a JSON document in each line. */
  putLogGroup(name: string, file: string): void;
}

/** `{ $.message = "drill *" }`: what begins so. No other pattern is understood. */
const pattern = v.pipe(
  v.string(),
  v.regex(/^\{ \$\.message = "[^"*]+\*" \}$/),
  v.transform((text) => text.slice('{ $.message = "'.length, -'*" }'.length)),
);

const line = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ message: v.string(), timestamp: v.pipe(v.string(), v.isoTimestamp()) }),
);

/** Starts logs that are found as long as their files are there. */
export async function startLocalLogs(context: ServiceContext): Promise<LocalLogs> {
  const { region, accountId } = context;
  const files = new Map<string, string>();

  const filterLogEvents = jsonOperation(
    v.strictObject({ logGroupName: v.string(), startTime: v.number(), filterPattern: pattern }),
    async ({ logGroupName, startTime, filterPattern }) => {
      const file = files.get(logGroupName);
      if (file === undefined) {
        throw new ServiceError(400, 'ResourceNotFoundException', 'The specified log group does not exist.');
      }
      const lines = (await readFile(file, 'utf8').catch(() => '')).split('\n');
      return {
        events: lines.flatMap((message) => {
          const parsed = v.safeParse(line, message);
          const timestamp = parsed.success ? Date.parse(parsed.output.timestamp) : 0;
          return parsed.success && timestamp >= startTime && parsed.output.message.startsWith(filterPattern)
            ? [{ message, timestamp }]
            : [];
        }),
      };
    },
  );

  const accessesOf = (
    _operation: string,
    { logGroupName }: Readonly<Record<string, unknown>>,
  ): readonly Access[] => [
    {
      action: 'logs:FilterLogEvents',
      resourceArn: `arn:aws:logs:${region}:${accountId}:log-group:${String(logGroupName)}:log-stream:`,
      context: overTls,
    },
  ];

  const service = await startJsonService(
    { service: 'logs', target: 'Logs_20140328', version: '1.1' },
    { FilterLogEvents: filterLogEvents },
    accessesOf,
    context,
  );
  return {
    ...service,
    putLogGroup(name, file) {
      files.set(name, file);
    },
  };
}
