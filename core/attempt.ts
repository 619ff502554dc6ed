export type Attempt<Value> = { readonly value: Value } | { readonly error: unknown };

/** Keeps an error as an outcome: one version that fails must not fail the others. */
export async function attempt<Value>(work: Promise<Value>): Promise<Attempt<Value>> {
  try {
    return { value: await work };
  } catch (error) {
    return { error };
  }
}
