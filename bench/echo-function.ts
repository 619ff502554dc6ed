/** The least that a function behind the API can do: what an acknowledgement is compared with. */
export const handler = async ({ body }: { readonly body?: string }) => ({
  statusCode: 202,
  body: body ?? '',
});
