import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { metricNames } from '../../../lambdas/telemetry.ts';
import { makeHeadingAnchor } from '../../../lib/operations/alarms.ts';
import { deployWatched, deployWatchedWithReplica, metricAlarmsOf } from '../alarms.ts';

const deployment = deployWatched();
const replicated = deployWatchedWithReplica();

describe('the runbook', () => {
  const runbook = readFileSync('docs/runbook.md', 'utf8');
  // What stands in a code block is no heading.
  const prose = runbook.replaceAll(/^ *(?:\d+\. )?```[\s\S]*?^ *```$/gm, '');
  const headings = [...prose.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading);
  const sections = [...(prose.split(/^# /m)[2] ?? '').matchAll(/^## (.+)$/gm)].map(
    ([, heading = '']) => heading,
  );
  const headingOf = (alarmName: string) => alarmName.replace(/^Lifeboat(Replica)?( \S+)?: /, '');
  const everywhere = [replicated.first, replicated.second].flatMap(metricAlarmsOf);

  it('has a section for each alarm, named as it is, and none for an alarm that there is not', () => {
    const alarmHeadings = new Set(everywhere.map(({ AlarmName }) => headingOf(AlarmName)));

    expect(sections.length).toBe(new Set(sections).size);
    expect(new Set(sections)).toEqual(alarmHeadings);
  });

  it('is where each alarm’s description leads, at its own section', () => {
    const anchors = new Set(headings.map(makeHeadingAnchor));

    for (const { AlarmName, AlarmDescription } of everywhere) {
      const [, linked = ''] =
        / https:\/\/wiki\.example\.com\/lifeboat\/runbook#(\S+)$/.exec(AlarmDescription) ?? [];
      expect(anchors).toContain(linked);
      expect(linked).toBe(makeHeadingAnchor(headingOf(AlarmName)));
    }
  });

  it('says in each of these sections what it means, how urgent it is, where to look, what to do, and when it is over', () => {
    const incomplete = sections.filter((section) => {
      const [, text = ''] = prose.split(`\n## ${section}\n`);
      const own = text.split(/\n#+ /)[0] ?? '';
      return (
        !['Means', 'Urgent', 'Over when'].every((part) => own.includes(`**${part}**`)) ||
        !/\*\*(Look first|Do)\*\*/.test(own)
      );
    });

    expect(incomplete).toEqual([]);
  });

  it('leads nowhere that does not exist', () => {
    const anchors = new Set(headings.map(makeHeadingAnchor));

    const dead = [...runbook.matchAll(/\]\(#([^)]+)\)/g)]
      .map(([, to = '']) => to)
      .filter((to) => !anchors.has(to));

    expect(dead).toEqual([]);
    expect(anchors.size).toBe(headings.length);
  });

  it('asks the log for messages that the code writes', () => {
    const sources = ['lambdas', 'core']
      .flatMap((folder) =>
        readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
      )
      .filter((file) => file.endsWith('.ts'))
      .map((file) => readFileSync(file, 'utf8'))
      .join('\n');
    const asked = [
      ...[...runbook.matchAll(/message (?:=|like) ["/]([^"/]+)["/]/g)].map(([, message = '']) => message),
      ...[...runbook.matchAll(/message in \[([^\]]+)\]/g)].flatMap(([, list = '']) =>
        [...list.matchAll(/"([^"]+)"/g)].map(([, message = '']) => message),
      ),
    ];

    expect(asked.length).toBeGreaterThan(10);
    expect(asked.filter((message) => !sources.includes(message))).toEqual([]);
  });

  it('asks for metrics that the code emits', () => {
    const asked = [...runbook.matchAll(/measured ([A-Z]\w+)/g)].map(([, name = '']) => name);

    expect(asked.length).toBeGreaterThan(2);
    expect(asked.filter((name) => !metricNames.some((known) => known === name))).toEqual([]);
  });

  it('asks for outputs that the stack has', () => {
    const asked = [...runbook.matchAll(/\(output "?([A-Z][A-Za-z]+)/g)].map(([, name = '']) => name);

    const known = Object.keys(deployment.outputs);
    expect(asked.length).toBeGreaterThan(1);
    expect(
      asked.filter((name) => !known.some((output) => output.replace(/(prod|staging)$/, '') === name)),
    ).toEqual([]);
  });
});
