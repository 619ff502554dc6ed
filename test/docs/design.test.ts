import { describe, expect, it } from '@jest/globals';
import { metricNames } from '../../lambdas/telemetry.ts';
import { tableOf } from './markdown.ts';

describe('the table of metrics in docs/design.md', () => {
  it('has each metric that the functions emit, and no other', () => {
    const documented = tableOf('docs/design.md', ['metric', 'counts']).flatMap(([names = '']) =>
      [...names.matchAll(/`([A-Z]\w+)`/g)].map(([, name = '']) => name),
    );

    expect(documented.sort()).toEqual([...metricNames].sort());
  });
});
