import type { Manifest } from '../vault/manifest.ts';
import { StandbyError } from './errors.ts';
import type { StatusReading } from './status-reading.ts';

/** What is known of whether a file is what the control plane has. */
export interface Currency {
  /** When it was last known to be the newest; undefined where nobody can tell. */
  readonly verifiedAt?: Date | undefined;
  /** What a person should know of it before they rely on it. */
  readonly warning?: string | undefined;
}

/** What a data plane demands of a file's currency, beside a good signature. */
export interface CurrencyDemand {
  /** Of a copy that may be behind: an older file then comes with a warning. @default refused */
  readonly mayLag?: boolean | undefined;
  /** A file that was not verified as current for longer is refused. @default none is */
  readonly maxUnverifiedAgeMs?: number | undefined;
}

export type Verdict =
  | { readonly is: 'current'; readonly verifiedAt: Date }
  /** The status speaks of a later revision. */
  | { readonly is: 'older'; readonly because: string; readonly published: number }
  | { readonly is: 'unknown'; readonly because: string };

/** Compares a file with what the last check noted. A status that is older than the file is no fault. */
export function judgeCurrency(manifest: Manifest, reading: StatusReading): Verdict {
  if (reading.status === undefined) {
    return { is: 'unknown', because: reading.missing };
  }
  const { kongVersion, revision, sha256, exportedAt } = manifest;
  const { checkedAt, versions } = reading.status;
  const noted = versions.find((version) => version.kongVersion === kongVersion);
  if (noted === undefined) {
    return { is: 'unknown', because: `the status does not speak of the file for Kong ${kongVersion}` };
  }
  if (revision < noted.revision) {
    return {
      is: 'older',
      published: noted.revision,
      because: `the vault returned revision ${revision}, but its status says that revision ${noted.revision} is published`,
    };
  }
  if (revision === noted.revision && sha256 !== noted.sha256) {
    return { is: 'unknown', because: `the status speaks of another file as revision ${revision}` };
  }
  // What was published after the last check was current then.
  const verifiedAt = revision > noted.revision && exportedAt > checkedAt ? exportedAt : checkedAt;
  return Number.isNaN(verifiedAt.getTime())
    ? { is: 'unknown', because: 'the status names no moment' }
    : { is: 'current', verifiedAt };
}

/**
 * Takes a file, with a warning where it may not be the newest, or refuses it.
 *
 * @throws StandbyError `outdated`
 */
export function requireCurrency(
  verdict: Verdict,
  { mayLag = false, maxUnverifiedAgeMs }: CurrencyDemand,
  now: Date,
): Currency {
  const isRuled = maxUnverifiedAgeMs !== undefined;
  switch (verdict.is) {
    case 'current': {
      const { verifiedAt } = verdict;
      if (isRuled && now.getTime() - verifiedAt.getTime() > maxUnverifiedAgeMs) {
        throw new StandbyError(
          'outdated',
          `the file was last verified as current at ${verifiedAt.toISOString()}, ${formatAge(verifiedAt, now)} before, which is longer ` +
            `than --max-unverified-age allows. ${remedy}`,
        );
      }
      return { verifiedAt };
    }
    case 'older':
      if (mayLag && !isRuled) {
        return { warning: `${verdict.because}: this copy is behind` };
      }
      throw new StandbyError(
        'outdated',
        `${verdict.because}. Somebody may have put an old file back; the next export replaces it (docs/runbook.md, "A data plane refuses an old file")`,
      );
    case 'unknown':
      if (!isRuled) {
        return { warning: `nobody can tell whether the file is the newest: ${verdict.because}` };
      }
      throw new StandbyError(
        'outdated',
        `nobody can tell whether the file is the newest: ${verdict.because}. --max-unverified-age demands that. ${remedy}`,
      );
  }
}

/** Says whether a file is the newest that was asked for whatever its age: nothing is refused. */
export function describeCurrency(verdict: Verdict): Currency {
  switch (verdict.is) {
    case 'current':
      return { verifiedAt: verdict.verifiedAt };
    case 'older':
      return {
        warning: `an older revision was asked for, and is not the current one: revision ${verdict.published} is published`,
      };
    case 'unknown':
      return { warning: `nobody can tell whether the file is the newest: ${verdict.because}` };
  }
}

const remedy =
  'Look why nothing is verified (docs/runbook.md, "No file verified") and at this machine’s clock, or give a longer time, or leave the option out';

/** How long ago something was, in words. A clock that is behind makes it "less than a minute". */
export function formatAge(moment: Date, now: Date): string {
  const minutes = Math.floor((now.getTime() - moment.getTime()) / 60_000);
  const units = [
    [minutes / (48 * 60) >= 1, Math.floor(minutes / (24 * 60)), 'days'],
    [minutes >= 60, Math.floor(minutes / 60), 'hours'],
    [minutes >= 1, minutes, 'minutes'],
  ] as const;
  const [, amount, unit] = units.find(([fits]) => fits) ?? [true, 0, ''];
  return unit === '' ? 'less than a minute' : `${amount} ${amount === 1 ? unit.slice(0, -1) : unit}`;
}
