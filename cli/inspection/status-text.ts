/** What `lifeboat status` prints for people. */
import { formatAge } from '../../core/fetch/currency.ts';
import { columnsOf, type Paint, paintFor, wrap } from '../terminal.ts';
import type { AlarmsView } from './alarms.ts';
import type { StatusAnswer } from './answers.ts';
import type { Concern, ControlPlaneReport, StatusReport } from './status-report.ts';
import { revisionFacts } from './text.ts';
import { ago, alignColumns, forTerminal } from './words.ts';

export interface Look {
  readonly paint: Paint;
  /** How wide a line may be. */
  readonly columns: number;
}

export const lookOf = (stream = process.stdout): Look => ({
  paint: paintFor(stream),
  columns: columnsOf(stream),
});

export function formatReport({ controlPlanes, alarms }: StatusReport, look: Look): string {
  const planes = controlPlanes.map((report) => formatControlPlane(report, look));
  return [...planes, ...(alarms === undefined ? [] : [formatAlarms(alarms, look)])].join('\n');
}

function formatControlPlane({ controlPlane, answer, concerns }: ControlPlaneReport, look: Look): string {
  return answer === undefined
    ? `${look.paint(`Control plane ${controlPlane}`, 'strong')}\n${formatConcerns(concerns, look)}`
    : statusText(answer.read, concerns, look);
}

export function statusText(status: StatusAnswer, concerns: readonly Concern[], look: Look): string {
  const { controlPlane, lookedAt: now, versions } = status;
  const { paint, columns } = look;
  const files = versions.map((version) => {
    const { kongVersion, state, current, behindSince, notServedSince } = version;
    const lines = [
      ...(current === undefined
        ? []
        : revisionFacts(current, now, state === 'ready' ? 'revision' : 'newest own')),
      ...(behindSince === undefined ? [] : [['behind', `for ${formatAge(behindSince, now)}`]]),
      ...(notServedSince === undefined ? [] : [['not served', `for ${formatAge(notServedSince, now)}`]]),
    ];
    const said = paint(forTerminal(state), state === 'ready' ? 'good' : 'bad');
    return `Kong ${kongVersion}: ${said}\n${alignColumns(lines, columns)}`;
  });
  return (
    `${paint(`Control plane ${controlPlane}`, 'strong')}\n${alignColumns(factsOf(status, look), columns)}` +
    `${files.join('')}${formatConcerns(concerns, look)}`
  );
}

function factsOf(status: StatusAnswer, { paint }: Look): readonly (readonly string[])[] {
  const {
    lookedAt: now,
    checkedAt,
    held,
    approvedUntil,
    certificateEndsAt,
    lastCommand,
    versions,
    drill,
  } = status;
  const bootable = versions.filter(({ state }) => state === 'ready').length;
  const facts: (readonly string[])[] = [
    [
      'can boot',
      bootable === versions.length
        ? paint('yes', 'good')
        : paint(`${bootable} of ${versions.length} versions`, 'bad'),
    ],
    ['last verified', checkedAt === undefined ? 'never' : ago(checkedAt, now)],
    ['held', held === undefined ? 'no' : `for ${formatAge(held.since, now)}`],
  ];
  if (certificateEndsAt !== undefined) {
    const words =
      certificateEndsAt > now
        ? `ends in ${formatAge(now, certificateEndsAt)}`
        : `ended ${ago(certificateEndsAt, now)}`;
    facts.push(['certificate', words]);
  }
  if (drill !== undefined) {
    facts.push(['last drill', describeDrill(drill, now)]);
  }
  if (approvedUntil !== undefined) {
    facts.push(['approved', `until ${approvedUntil.toISOString()}`]);
  }
  if (lastCommand !== undefined) {
    const { command, by, reason, at, outcome, revision } = lastCommand;
    const made = revision === undefined ? '' : `, revision ${revision}`;
    facts.push(['last command', `${command}, ${ago(at, now)}: ${outcome}${made}`]);
    facts.push(['', forTerminal(`by ${by}`)], ['', forTerminal(`“${reason}”`)]);
  }
  return facts;
}

function describeDrill(drill: NonNullable<StatusAnswer['drill']>, now: Date): string {
  const { state, at, outcome, versions } = drill;
  if (state === 'played' && at !== undefined) {
    // As before the first publication, which is told of by version.
    const hasNoFile = versions.length > 0 && versions.every(({ fault }) => fault === 'missing');
    return forTerminal(`${hasNoFile ? 'found no file' : outcome}, ${ago(at, now)}`);
  }
  return state === 'missing' ? 'none' : 'not known';
}

function formatConcerns(concerns: readonly Concern[], { paint, columns }: Look): string {
  if (concerns.length === 0) {
    return `${paint('Nothing needs attention.', 'good')}\n`;
  }
  const lines = concerns.map(({ sentence }) => `${wrap(`- ${sentence}`, columns, '  ')}\n`);
  return `${paint('Needs attention:', 'attention')}\n${lines.join('')}`;
}

function formatAlarms(alarms: AlarmsView, { paint, columns }: Look): string {
  if ('unknown' in alarms) {
    return `${wrap(`Alarms: not known. ${alarms.unknown}.`, columns, '  ')}\n`;
  }
  if (alarms.ringing.length === 0) {
    return `${paint('No alarm.', 'good')}\n`;
  }
  const lines = alarms.ringing.flatMap(({ heading, controlPlane, since, runbook }) => [
    `${wrap(`- ${heading}${controlPlane === undefined ? '' : ` (${controlPlane})`}${since === undefined ? '' : `, since ${since.toISOString()}`}`, columns, '  ')}\n`,
    // Whole, to be opened.
    ...(runbook === undefined ? [] : [`  ${runbook}\n`]),
  ]);
  return `${paint('Alarms:', 'bad')}\n${lines.join('')}`;
}
