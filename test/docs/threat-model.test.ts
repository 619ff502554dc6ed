import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { MatrixNames } from '../../policy/names.ts';
import { principalsOf } from '../../policy/principals.ts';
import { matrixRows } from '../../policy/rows/matrix-rows.ts';
import { tableOf } from './markdown.ts';

const path = 'docs/threat-model.md';
/** By the actor's name, what the matrix calls it. */
const actors = new Map(
  tableOf(path, ['who', 'in the matrix', 'can']).map(([who = '', inMatrix = '']) => [
    /^\*\*(?<name>[^*]+)\*\*/.exec(who)?.groups?.['name'] ?? who,
    [...inMatrix.matchAll(/`([^`]+)`/g)].map(([, principal = '']) => principal),
  ]),
);
const claims = tableOf(path, ['who', 'cannot', 'shown by']);

// Who is allowed does not depend on what things are called. That the policies are so shows test/policy.
const names: MatrixNames = {
  namesOf: (logicalId) => ({ arn: logicalId, ref: logicalId }),
  namesInReplica: (logicalId) => ({ arn: logicalId, ref: logicalId }),
  principalArn: (principal) => principal,
  arnOf: (_type, start) => start,
  apiId: 'api',
  encryptionKeyArn: 'key',
  replica: { bucket: 'replica', encryptionKey: 'key', presigner: 'presigner', apiId: 'api' },
};
const variants = { everyday: { replica: true }, lockdown: { replica: true, lockdown: true } };
const rowsOf = (variant: keyof typeof variants) =>
  matrixRows(names, variants[variant]).map(({ action, resource, when, allowed }) => ({
    title: `${action} on ${resource}${when === '' ? '' : ` (${when})`}`,
    allowed: allowed as readonly string[],
  }));
const rows = { everyday: rowsOf('everyday'), lockdown: rowsOf('lockdown') };

/** What is wrong with a reference; undefined where it shows that this actor cannot do it. */
function faultOf(title: string, file: string, principals: readonly string[], cannot: string) {
  const place = join('docs', file);
  if (!existsSync(place)) {
    return `${place} is no file`;
  }
  if (!place.startsWith('policy/')) {
    const code = readFileSync(place, 'utf8');
    const isThere = [`'${title}'`, `"${title}"`, `\`${title}\``].some((quoted) => code.includes(quoted));
    return isThere && place.endsWith('.test.ts') ? undefined : `${place} has no test "${title}"`;
  }
  const found = rows[cannot.startsWith('with lockdown') ? 'lockdown' : 'everyday'].filter(
    (row) => row.title === title,
  );
  const allowed = found.flatMap((row) => row.allowed).filter((each) => principals.includes(each));
  return found.length === 0 || principals.length === 0 || allowed.length > 0
    ? `the matrix does not refuse "${title}": ${found.length} rows, allowed ${allowed.join(', ')}`
    : undefined;
}

describe('the threat model', () => {
  it.each(claims)('shows that %s cannot %s', (who = '', cannot = '', shownBy = '') => {
    const principals = actors.get(who);
    const references = [...shownBy.matchAll(/\[([^\]]+)\]\(([^)]+)\)/g)];

    const faults = references.map(([, title = '', file = '']) =>
      faultOf(title, file, principals ?? [], cannot),
    );

    expect(principals).toBeDefined();
    expect(references.map(([reference]) => reference).join('; ')).toBe(shownBy);
    expect(references.length).toBeGreaterThan(0);
    expect(faults.filter((fault) => fault !== undefined)).toEqual([]);
  });

  it('has something that each of its actors cannot, and names them as the matrix does', () => {
    const known: readonly string[] = principalsOf(variants.lockdown);

    expect(new Set(claims.map(([who]) => who))).toEqual(new Set(actors.keys()));
    expect([...actors.values()].flat().filter((principal) => !known.includes(principal))).toEqual([]);
  });

  it('says of each actor how it is noticed, and how that is undone', () => {
    const cells = tableOf(path, ['who', 'in the matrix', 'can']);

    expect(cells.filter((row) => row.length !== 5 || row.slice(2).includes(''))).toEqual([]);
  });

  it.each(['README.md', 'SECURITY.md', 'docs/design.md'])('is linked from %s', (from) => {
    expect(readFileSync(from, 'utf8')).toMatch(/\((docs\/)?threat-model\.md\)/);
  });
});
