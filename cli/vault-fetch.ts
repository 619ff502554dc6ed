import { InvalidArgumentError } from 'commander';
import { type Fetch, httpClient } from '../core/fetch/http-client.ts';

/**
 * How requests go to Lifeboat’s API and the vault, by the environment’s proxies; never those to Kong.
 *
 * @throws InvalidArgumentError
 */
export async function vaultFetch(caFile: string | undefined): Promise<Fetch> {
  return httpClient({ environment: process.env, caFile }).catch((error: unknown) => {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  });
}
