/** Message and code, without the cause's own content: an SDK error may quote what was sent. */
export function errorFields(error: unknown): Readonly<Record<string, unknown>> {
  if (!(error instanceof Error)) {
    return { error: String(error) };
  }
  return {
    error: error.message,
    errorName: error.name,
    ...('code' in error ? { errorCode: error.code } : {}),
  };
}
