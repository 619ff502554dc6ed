/** Waits for work that may fail without harm, such as tidying up after an error that says more. */
export async function ignoreErrors(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch {
    // The caller has said that nothing depends on it.
  }
}
