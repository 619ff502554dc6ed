import { createHash } from 'node:crypto';

/**
 * The id under which we come to a control plane: a UUID that is always the same for the same parts. A control
 * plane notes each node id that comes with a version it cannot serve, for 14 days
 * (docs/kong.md#the-cluster-endpoint).
 *
 * @param parts what tells this client from all others, the deployment first
 */
export function stableNodeId(...parts: readonly string[]): string {
  const digest = createHash('sha256').update(JSON.stringify(parts)).digest();
  // RFC 9562 section 5.8: version 8 is for ids that are made by a rule of one's own.
  digest[6] = ((digest[6] ?? 0) & 0x0f) | 0x80;
  digest[8] = ((digest[8] ?? 0) & 0x3f) | 0x80;
  const hex = digest.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    '-',
  );
}
