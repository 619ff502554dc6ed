import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { listCost, measureCost } from '../../bench/cost.ts';
import { prices, usePrices } from '../../bench/prices.ts';
import { tableOf } from './markdown.ts';

describe('docs/cost.md', () => {
  const rows = listCost();

  it('says what the template costs, row by row, and their sums', () => {
    const usd = (amount: number) => amount.toFixed(2);
    const { idleFirstUsd, idleFurtherUsd, changeAMinuteUsd } = measureCost(rows);

    expect(tableOf('docs/cost.md', ['what', 'idle, the first control plane'])).toEqual([
      ...rows.map(({ what, first, further, changeAMinute }) => [
        what,
        usd(first),
        usd(further),
        usd(changeAMinute),
      ]),
      ['**all**', ...[idleFirstUsd, idleFurtherUsd, changeAMinuteUsd].map((sum) => `**${usd(sum)}**`)],
    ]);
  });

  it('says what is left without a dashboard, and without the logs’ key', () => {
    const { idleFirstWithoutDashboardUsd: withKey } = measureCost(rows);

    expect(readFileSync('docs/cost.md', 'utf8')).toContain(
      `- Without both it is ${(withKey - prices.key.usdPerMonth).toFixed(2)} for the first control plane, with the key ${withKey.toFixed(2)}.`,
    );
  });

  it('has a source and a date for each price', () => {
    const all = Object.values({ ...prices, ...usePrices });

    expect(all.filter(({ source }) => !source.startsWith('https://aws.amazon.com/'))).toEqual([]);
    expect(all.filter(({ date }) => !/^2026-\d\d(-\d\d)?$/.test(date))).toEqual([]);
    expect(all.filter(({ quotedBy }) => !/^[\w.-]+\.\w+$/.test(quotedBy))).toEqual([]);
  });
});
