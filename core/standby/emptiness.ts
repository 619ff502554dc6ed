import { noConfiguration } from './status.ts';

/**
 * Whether a node has no configuration for certain.
 *
 * @param hash what it shows
 */
export async function isEmpty(node: { isSurelyEmpty(): Promise<boolean> }, hash: string): Promise<boolean> {
  return hash === noConfiguration && (await node.isSurelyEmpty());
}
