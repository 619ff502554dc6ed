import { InvalidArgumentError } from 'commander';
import { type Network, readNetwork } from '../core/fetch/network.ts';

/**
 * The ways to Lifeboat’s API, the vault and AWS, by the environment’s proxies; never those to Kong.
 *
 * @throws InvalidArgumentError
 */
export async function vaultNetwork(caFile: string | undefined): Promise<Network> {
  return readNetwork({ environment: process.env, caFile }).catch((error: unknown) => {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  });
}
