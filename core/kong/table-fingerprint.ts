import { createHash, hash } from 'node:crypto';
import { canonicalizeEscapes, canonicalizeJson, canonicalizeMembers } from './canonical-json.ts';
import { readEntities } from './entity-reader.ts';

/**
 * The content of a config table as one SHA-256: equal for two tables exactly if they hold the same, whatever
 * the order of keys and of entities, the spaces and the escapes. After a restart a control plane sends the
 * same configuration in other bytes (docs/kong.md#the-cluster-endpoint).
 *
 * - An entity is hashed in its canonical form ([canonical-json.ts](canonical-json.ts)), in which lists keep
 *   their order: that of a route's `paths` or of a plugin's rules has a meaning.
 * - An entity list is the sorted list of these hashes. Its order has no meaning: a data plane keeps entities
 *   under their ids. The hashes are sorted and hashed again, not added or XORed, since sets of hashes with
 *   the same sum can be found (Wagner, "A generalized birthday problem", 2002). An entity that stands there
 *   twice counts twice.
 * - What stands beside the lists, empty lists included, is hashed in its canonical form. Only `_comment` is
 *   left out: published files have it, and a control plane never sends it.
 *
 * So two different tables have the same fingerprint only where SHA-256 has a collision. What differs in
 * notation alone and is not named above, for example `1` and `1.0`, counts as different: the price is a
 * revision too many, where the other mistake would keep a wrong file.
 *
 * In memory are the entities of one piece, and some 60 bytes for each entity of one list.
 *
 * @param table a table that was checked, or a published file, in pieces
 */
export async function fingerprintTable(table: AsyncIterable<Uint8Array>): Promise<string> {
  const lists: string[] = [];
  let type = '';
  let hashes: string[] = [];
  const endList = () => {
    if (hashes.length > 0) {
      lists.push(`["${canonicalizeEscapes(type)}","${hashSorted(hashes)}"]`);
      hashes = [];
    }
  };
  let members: readonly string[] = [];
  const pieces = readEntities(table, (root) => {
    members = canonicalizeMembers(root);
  });
  for await (const entities of pieces) {
    for (const entity of entities) {
      if (entity.type !== type) {
        endList();
        type = entity.type;
      }
      hashes.push(hash('sha256', canonicalizeJson(entity.json), 'binary'));
    }
  }
  endList();
  const rest = members.filter((member) => !member.startsWith('"_comment":'));
  return hash('sha256', [...rest, ...lists.sort()].join('\n'), 'hex');
}

function hashSorted(hashes: string[]): string {
  const sha256 = createHash('sha256');
  for (const each of hashes.sort()) {
    sha256.update(each, 'latin1');
  }
  return sha256.digest('hex');
}
