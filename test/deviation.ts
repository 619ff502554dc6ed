import { expect, it } from '@jest/globals';

/**
 * A promise of a contract that one implementation is known not to keep: passes while its test fails, and
 * fails once it passes. As Jest's `it.failing`, which jest-light-runner does not know.
 *
 * @param reason Why it is not kept here; stands in the title.
 */
export function itDeviates(promise: string, reason: string, test: () => Promise<void>): void {
  it(`${promise} (not here: ${reason})`, async () => {
    const failure = await test().then(
      () => undefined,
      (error: unknown) => error ?? 'failed',
    );

    expect(failure).toBeDefined();
  });
}
