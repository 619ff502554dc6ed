import type { LambdaFunction } from './lambda-function.ts';

/** What becomes of an event whose function fails (Lambda API Reference, "PutFunctionEventInvokeConfig"). */
export interface EventInvokeConfig {
  readonly maximumRetryAttempts: number;
  readonly maximumEventAgeSeconds: number;
}

/** Where nothing is set. */
export const defaultEventInvokeConfig: EventInvokeConfig = {
  maximumRetryAttempts: 2,
  maximumEventAgeSeconds: 6 * 60 * 60,
};

export interface AsynchronousInvocationOptions extends EventInvokeConfig {
  readonly function: Pick<LambdaFunction, 'invoke'>;
  readonly onFailure: (error: Error) => void;
  /** Waits before a retry; rejects when the system stops. */
  readonly sleep: (milliseconds: number) => Promise<unknown>;
}

/**
 * Invokes a function for a caller who does not wait. A failure is tried again a minute later, and then two
 * minutes later (Lambda Developer Guide, "How Lambda handles errors and retries with asynchronous
 * invocation").
 *
 * @returns when the event is done or dropped; its caller was answered long before
 */
export async function invokeAsynchronously(
  options: AsynchronousInvocationOptions,
  event: unknown,
): Promise<void> {
  let ageMs = 0;
  for (let retries = 0; ; retries += 1) {
    try {
      await options.function.invoke(event);
      return;
    } catch (error) {
      options.onFailure(error instanceof Error ? error : new Error(String(error)));
    }
    const waitMs = (retries + 1) * 60_000;
    ageMs += waitMs;
    if (retries >= options.maximumRetryAttempts || ageMs > options.maximumEventAgeSeconds * 1000) {
      return;
    }
    await options.sleep(waitMs);
  }
}
