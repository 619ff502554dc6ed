import { setTimeout as delay } from 'node:timers/promises';
import {
  defaultEventInvokeConfig,
  invokeAsynchronously,
} from '../../simulators/aws/asynchronous-invocation.ts';
import type { Identity } from '../../simulators/aws/identities.ts';
import { startSchedule } from '../../simulators/aws/scheduler.ts';
import { type Account, findFunction, requireAllowed } from './account.ts';

export interface FunctionSchedule {
  readonly functionArn: string;
  /** The schedule's role. */
  readonly identity: Identity;
  readonly input: string;
  readonly everyMinutes: number;
}

/**
 * A schedule whose target is a function.
 *
 * @returns starts it; the first call comes at once, as that of a rate without a start date does (EventBridge
 * Scheduler User Guide, "Schedule types")
 */
export function startFunctionSchedule(
  account: Account,
  { functionArn, identity, input, everyMinutes }: FunctionSchedule,
): () => void {
  const { lambda } = findFunction(account, functionArn);
  const failure = 'A schedule may not invoke its target.';
  requireAllowed(account, failure, identity.principalArn, ['lambda:InvokeFunction'], functionArn);
  return () => {
    const stopped = new AbortController();
    const config = account.eventInvokeConfigs.get(functionArn) ?? defaultEventInvokeConfig;
    const schedule = startSchedule({
      input,
      everyMinutes,
      async deliver(event) {
        const invocation = invokeAsynchronously(
          {
            ...config,
            function: lambda,
            onFailure({ message }) {
              // What ends with the system has not failed.
              if (!stopped.signal.aborted) {
                account.refusals.push(message);
              }
            },
            sleep: (milliseconds) => delay(milliseconds, undefined, { signal: stopped.signal }),
          },
          JSON.parse(event),
        );
        invocation.catch(() => undefined);
      },
    });
    void schedule.ring();
    account.running.push({
      async stop() {
        stopped.abort();
        await Promise.all([schedule.stop(), lambda.stop()]);
      },
    });
  };
}
