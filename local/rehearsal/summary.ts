/** What a person is told at the end of a rehearsal. */
import type { Proof } from './kong-proof.ts';
import type { RehearsalResult } from './rehearsal.ts';
import { countNoun, type Paint } from './timeline.ts';

export interface Ending {
  readonly ok: boolean;
  readonly result: RehearsalResult;
  readonly proof: Proof;
  readonly seconds: number;
  readonly logDirectory: string;
  /** Whether the control plane was a real one. */
  readonly isReal: boolean;
  /** Whether one was named: then it is no news that it ran. */
  readonly isKongNamed: boolean;
  readonly paint: Paint;
}

/** What was shown, what was not, what is next; and last whether Kong was booted, unless the named one was. */
export function describeEnding(ending: Ending): string {
  const { ok, result, proof, seconds, logDirectory, isKongNamed, paint } = ending;
  if (!ok) {
    return `${paint('red', 'FAILED')}: see the lines with ✗ above, and the logs in ${logDirectory}\n`;
  }
  const list = (heading: string, lines: readonly string[]) =>
    `${paint('bold', heading)}\n${lines.map((line) => `  ${line}\n`).join('')}`;
  return [
    `${paint('green', 'Passed')}: a new data plane boots while its control plane is down. ${seconds} s in total.\n`,
    list(
      'Shown',
      listShown(ending).map((line) => `${paint('green', '✓')} ${line}`),
    ),
    list(
      'Not shown',
      listNotShown(ending).map((line) => `${paint('yellow', '–')} ${line}`),
    ),
    list('Next', [
      'npm start -- --serve    the same system stays up, with commands to try by hand:',
      '                        lifeboat status, history, fetch (docs/operating.md)',
      'npm run synth           what would be deployed (README.md, "Deploy")',
    ]),
    `The file: ${result.dataPlane.file}\nThe logs: ${logDirectory}\n`,
    ...(isKongNamed && proof.ran !== null ? [] : [`${describeKong(proof)}\n`]),
  ].join('\n');
}

function listShown({ result, proof }: Ending): readonly string[] {
  const { changeToPublishedSeconds, burst, rollback, guard, oldRevision, dataPlane } = result;
  return [
    ...(changeToPublishedSeconds === null || burst === null
      ? ['The configuration was published, signed and encrypted.']
      : [
          `A change was in the vault after ${changeToPublishedSeconds} s, and ${burst.changes} at once with ${countNoun(burst.exports, 'export')}.`,
        ]),
    ...(rollback === null
      ? []
      : ['A bad publication was taken back, and stayed so until it was said to end.']),
    ...(guard === null ? [] : ['A mass deletion was held until somebody said that it was meant.']),
    ...(oldRevision === null
      ? []
      : ['With the control plane down, an old file that somebody put back was refused and replaced.']),
    'Tampered URLs and files were refused.',
    `A new data plane got its file and verified it${dataPlane.equalsControlPlane === null ? '' : ': it is what the control plane last had'}.`,
    ...(proof.ran === null
      ? []
      : [`Kong ${proof.ran.version} loaded it without its control plane, and answered through it.`]),
  ];
}

function listNotShown({ isReal, proof }: Ending): readonly string[] {
  return [
    'AWS: it was simulated. Rights, signatures, versions and encryption were real; its limits and its pace are its own.',
    isReal
      ? 'Changes, rollback, mass deletion and the outage itself: a real control plane is only read.'
      : 'A control plane of yours: it was simulated, with a real one’s configuration (--cluster-endpoint reads yours).',
    ...(proof.ran === null ? ['Kong: see below.'] : []),
  ];
}

function describeKong({ ran, description }: Proof): string {
  return ran === null
    ? `No Kong was booted: ${description.replace(/^left out: /, '')}.`
    : `Kong ${ran.version} was booted from the file, as the one on PATH (another one: --kong PATH).`;
}
