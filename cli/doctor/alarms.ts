/** Whether alarms ring, whether anybody hears them, and whether their links lead somewhere. */
import type { ExaminedAlarm } from '../inspection/alarms.ts';
import { forTerminal } from '../inspection/words.ts';
import type { Finding } from './finding.ts';

/** As the setting `runbookUrl` is by default. */
const placeholder = 'https://lifeboat.example.com/';

/** @param found alarms, or why nobody knows of them */
export function judgeAlarms(
  found: readonly ExaminedAlarm[] | { readonly unknown: string },
): readonly Finding[] {
  if ('unknown' in found) {
    const what = forTerminal(found.unknown);
    return (['alarms', 'notifications', 'runbook'] as const).map((check) => ({
      check,
      outcome: 'unknown',
      what,
      next: 'let the role have cloudwatch:DescribeAlarms, or ask with one that has it',
    }));
  }
  if (found.length === 0) {
    const what = 'no alarm has the name of the stack';
    const next = 'deploy the stack again: its alarms are gone, or have other names';
    return [{ check: 'alarms', outcome: 'bad', what, next }];
  }
  return [...judgeRinging(found), judgeNotifications(found), judgeLinks(found)];
}

function judgeRinging(alarms: readonly ExaminedAlarm[]): readonly Finding[] {
  const ringing = alarms.filter(({ isRinging }) => isRinging);
  if (ringing.length === 0) {
    return [{ check: 'alarms', outcome: 'good', what: `none of ${alarms.length} rings` }];
  }
  return ringing.map(({ heading, controlPlane, since, runbook }) => ({
    check: 'alarms',
    outcome: 'bad',
    what: forTerminal(
      `${heading}${controlPlane === undefined ? '' : ` (${controlPlane})`} rings${since === undefined ? '' : `, since ${since.toISOString()}`}`,
    ),
    next:
      runbook === undefined || runbook.startsWith(placeholder)
        ? `docs/runbook.md, "${forTerminal(heading)}"`
        : forTerminal(runbook),
  }));
}

function judgeNotifications(alarms: readonly ExaminedAlarm[]): Finding {
  const meant = alarms.filter(({ isForDashboard }) => !isForDashboard);
  const silent = meant.filter(({ isHeard }) => !isHeard);
  const [first] = silent;
  return first === undefined
    ? { check: 'notifications', outcome: 'good', what: 'each alarm tells somebody' }
    : {
        check: 'notifications',
        outcome: 'attention',
        what: `${silent.length} of ${meant.length} alarms notify nobody${silent.length === meant.length ? '' : ` (${forTerminal(first.name)}, …)`}`,
        next: 'name an SNS topic in the setting alarmTopicArn and deploy',
      };
}

function judgeLinks(alarms: readonly ExaminedAlarm[]): Finding {
  const isPlaceholder = alarms.some(({ runbook }) => runbook?.startsWith(placeholder) === true);
  return isPlaceholder
    ? {
        check: 'runbook',
        outcome: 'attention',
        what: `the alarms link to ${placeholder}…, which is nobody’s page`,
        next: 'name the page where your people read docs/runbook.md in the setting runbookUrl and deploy',
      }
    : { check: 'runbook', outcome: 'good', what: 'the alarms link to a page of yours' };
}
