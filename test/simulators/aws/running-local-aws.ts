import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LocalAws, startLocalAws } from '../../../simulators/aws/local-aws.ts';

export const REGION = 'eu-central-1';
export const ACCOUNT_ID = '000000000000';

/** A clock that stands still until it is moved. */
export function testClock(start = new Date()) {
  let milliseconds = start.getTime();
  return {
    now: () => new Date(milliseconds),
    advanceSeconds(seconds: number): void {
      milliseconds += seconds * 1000;
    },
  };
}

export const newDataDirectory = () => mkdtempSync(join(tmpdir(), 'lifeboat-local-aws-'));

/** A local AWS in a directory of its own that goes when it stops. */
export async function runLocalAws(now?: () => Date): Promise<LocalAws & { readonly dataDirectory: string }> {
  const dataDirectory = newDataDirectory();
  const aws = await startLocalAws({
    dataDirectory,
    region: REGION,
    accountId: ACCOUNT_ID,
    ...(now && { now }),
  });
  return {
    ...aws,
    dataDirectory,
    async stop() {
      await aws.stop();
      rmSync(dataDirectory, { recursive: true });
    },
  };
}

/** Settings of an SDK client that acts as this principal. */
export const clientFor = (aws: LocalAws, endpoint: string, now?: () => Date, role = 'export') => ({
  endpoint,
  region: REGION,
  credentials: aws.identities.issue(`arn:aws:iam::${ACCOUNT_ID}:role/${role}`),
  ...(now && { systemClockOffset: now().getTime() - Date.now() }),
});

/** The name of the error that a call fails with, or `no error`. */
export async function errorName(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'no error',
    (error: unknown) => (error instanceof Error ? error.name : String(error)),
  );
}
