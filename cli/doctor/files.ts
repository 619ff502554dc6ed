/** What the function last saw of a control plane. */
import { formatAge } from '../../core/fetch/currency.ts';
import type { ControlPlaneReport } from '../inspection/status-report.ts';
import { ago } from '../inspection/words.ts';
import type { Finding } from './finding.ts';

/** Whether new data planes can boot, and what is odd about their files. */
export function judgeFiles({
  controlPlane,
  answer,
  failure,
  concerns,
}: ControlPlaneReport): readonly Finding[] {
  const check = 'control-plane';
  if (answer === undefined) {
    const isKnown = failure?.code === 'failed';
    return concerns.map(({ sentence }) => ({
      check,
      outcome: isKnown ? 'bad' : 'unknown',
      what: `${controlPlane}: ${sentence}`,
      next: isKnown
        ? 'ask again, then docs/runbook.md, "Grants failing"'
        : 'ask with a role that may look (grantInspect)',
    }));
  }
  const { versions, checkedAt, lookedAt: now } = answer.read;
  const found = concerns
    .filter(({ about }) => about === 'files')
    .map(
      ({ sentence, isBad, next }): Finding => ({
        check,
        outcome: isBad ? 'bad' : 'attention',
        what: `${controlPlane}: ${sentence}`,
        next,
      }),
    );
  const pinned = versions.flatMap(({ kongVersion, current }): readonly Finding[] =>
    current?.pinned === true
      ? [
          {
            check,
            outcome: 'attention',
            what: `${controlPlane}: Kong ${kongVersion} is pinned to revision ${current.revision}, built ${ago(current.builtAt, now)}: changes are not published`,
            next: 'lifeboat unpin, once what was wrong is mended',
          },
        ]
      : [],
  );
  const files = versions.map(
    ({ kongVersion, current }) => `Kong ${kongVersion} revision ${current?.revision ?? '?'}`,
  );
  const checked = checkedAt === undefined ? '' : `, verified ${ago(checkedAt, now)}`;
  return found.length + pinned.length > 0
    ? [...found, ...pinned]
    : [
        {
          check,
          outcome: 'good',
          what: `${controlPlane}: a new data plane can boot (${files.join(', ')})${checked}`,
        },
      ];
}

export function judgeCertificate({ controlPlane, answer, concerns }: ControlPlaneReport): Finding {
  const check = 'certificate';
  const concern = concerns.find(({ about }) => about === 'certificate');
  if (concern !== undefined) {
    const { sentence, isBad, next } = concern;
    return { check, outcome: isBad ? 'bad' : 'attention', what: `${controlPlane}: ${sentence}`, next };
  }
  const { certificateEndsAt, lookedAt } = answer?.read ?? {};
  return certificateEndsAt === undefined || lookedAt === undefined
    ? {
        check,
        outcome: 'unknown',
        what: `${controlPlane}: nobody has noted when the cluster certificate ends`,
        next: 'lifeboat export notes it; before there is a status nobody knows',
      }
    : { check, outcome: 'good', what: `${controlPlane}: ends in ${formatAge(lookedAt, certificateEndsAt)}` };
}
