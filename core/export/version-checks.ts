import { attempt } from '../attempt.ts';
import { endWith } from '../aws-calls.ts';
import type { Clock } from '../clock.ts';
import { ignoreErrors } from '../ignore-errors.ts';
import type {
  ControlPlane,
  ControlPlaneConfiguration,
  ControlPlaneVisit,
  PluginVersions,
} from '../kong/control-plane.ts';
import { ControlPlaneError, type ControlPlaneErrorCode } from '../kong/errors.ts';
import type { ControlPlaneStatus, PluginVersionsStatus } from '../vault/config-vault.ts';
import { defaultGuard, type GuardSetting } from '../vault/plausibility.ts';
import { type Held, PublicationGuard } from '../vault/publication-guard.ts';
import { findNoted, type PublishParts, publish, repair } from '../vault/publish.ts';
import type { NewestChange } from './commanded-changes.ts';
import { EarlyPublication } from './early-publication.ts';
import type { Asked, VersionReport } from './version-report.ts';
import {
  type CheckReason,
  mustAsk,
  type NewestServed,
  type VersionTurn,
  versionTurns,
} from './version-turns.ts';

export interface ExportParts extends PublishParts {
  readonly controlPlane: ControlPlane;
  /** Its name: it stands in keys and manifests. */
  readonly name: string;
  /** Full versions of the data planes to publish for. */
  readonly dataPlaneVersions: readonly string[];
  /** What waits for a person. @default as in the settings */
  readonly guard?: GuardSetting | undefined;
  /** A check comes at least this often. */
  readonly scheduleMinutes: number;
  /** When the cluster certificate ends that was read last. @default nobody knows */
  readonly certificateEndsAt?: (() => Date | undefined) | undefined;
}

export interface CheckRequest {
  readonly reason: CheckReason;
  readonly change: NewestChange | undefined;
  /** What the last check noted. */
  readonly last: ControlPlaneStatus | undefined;
  readonly signal: AbortSignal | undefined;
}

export interface CheckOutcome {
  readonly versions: readonly VersionReport[];
  /** To be noted: whether, and since when, plugins must be announced without versions. */
  readonly pluginVersions: PluginVersionsStatus | undefined;
  /** What was served, and waits for a person. */
  readonly held: Held | undefined;
}

const withoutTimestamp =
  'the control plane does not say when it built its configuration: an older one, of a node that lacks the last change, cannot be ' +
  'told from a newer one, and is published as well';

/**
 * What ends when its time is up has ended so long after at the latest. What hangs all the same is left to
 * itself.
 */
const graceMs = 2_000;

/** How long the way that helped is taken before the other one is tried again. */
const namedAgainAfterMs = 24 * 60 * 60 * 1000;

/**
 * Checks the file of each data-plane version, one after another in one visit: reads the configuration and
 * publishes what is new, or only looks at the vault where the control plane need not be asked. A version that
 * fails does not hold up the others.
 *
 * @returns the reports in the order of the settings
 */
export async function checkVersions(parts: ExportParts, request: CheckRequest): Promise<CheckOutcome> {
  const visit = parts.controlPlane.visit();
  const checks = new VersionChecks(parts, request, visit);
  const reports = new Map<string, VersionReport>();
  try {
    for (const turn of versionTurns(parts.dataPlaneVersions, request.last)) {
      reports.set(turn.kongVersion, await checks.check(turn));
    }
  } finally {
    await ignoreErrors(endWith(visit.end(), checks.end));
  }
  return {
    versions: parts.dataPlaneVersions.flatMap((kongVersion) => reports.get(kongVersion) ?? []),
    pluginVersions: checks.pluginVersions(),
    held: checks.held(),
  };
}

class VersionChecks {
  readonly #parts: ExportParts;
  readonly #request: CheckRequest;
  readonly #visit: ControlPlaneVisit;
  readonly #guard: PublicationGuard;
  #newest: NewestServed | undefined;
  /** Aborts when what hangs is no longer waited for. */
  readonly end: AbortSignal;
  /** Why no version can be asked for any more. */
  #outage: ControlPlaneError | undefined;
  readonly #announced: { readonly asked: PluginVersions; readonly answered: PluginVersions }[] = [];

  constructor(parts: ExportParts, request: CheckRequest, visit: ControlPlaneVisit) {
    this.#parts = parts;
    this.#request = request;
    this.#visit = visit;
    this.#guard = new PublicationGuard({ setting: parts.guard ?? defaultGuard, last: request.last });
    this.end = abortAfter(request.signal, parts.clock);
  }

  async check(turn: VersionTurn): Promise<VersionReport> {
    const { kongVersion, lastStatus } = turn;
    const name = { controlPlane: this.#parts.name, kongVersion };
    const { signal } = this.#request;
    const early = new EarlyPublication(this.#parts, { name, lastStatus, guard: this.#guard, signal });
    const checked = await attempt(
      signal?.aborted === true
        ? Promise.reject(timeIsUp(`before version ${kongVersion} was looked at`))
        : endWith(this.#checkOrThrow(turn, early), this.end),
    );
    if ('value' in checked && checked.value.outcome !== 'not-served') {
      return checked.value;
    }
    await early.lookForStored();
    const stored = { early: early.published, ...(await this.#repair(turn, early)) };
    if ('value' in checked) {
      return { ...checked.value, ...stored };
    }
    const error =
      checked.error === this.end.reason ? timeIsUp(`in the check of version ${kongVersion}`) : checked.error;
    return { kongVersion, ...stored, outcome: 'failed', error };
  }

  /** Nothing that the control plane serves can be published; what the vault has must be ours all the same. */
  async #repair(
    { kongVersion }: VersionTurn,
    early: EarlyPublication,
  ): Promise<Pick<VersionReport, 'restored'>> {
    const name = { controlPlane: this.#parts.name, kongVersion };
    const { signal } = this.#request;
    if (signal?.aborted === true) {
      return {};
    }
    // Why nothing could be published is told already; the next check repairs.
    const repaired = await attempt(
      endWith(repair(this.#parts, { name, lastStatus: early.status(), signal }), this.end),
    );
    return 'error' in repaired ? {} : { restored: repaired.value };
  }

  held(): Held | undefined {
    return this.#guard.held;
  }

  pluginVersions(): PluginVersionsStatus | undefined {
    const { last, reason } = this.#request;
    const before = last?.pluginVersions;
    if (this.#announced.length === 0) {
      return before;
    }
    const omitted = this.#announced.filter(({ answered }) => answered === 'omitted');
    if (omitted.length === 0) {
      return undefined;
    }
    const wasTried = before === undefined || omitted.some(({ asked }) => asked === 'named');
    return {
      omittedSince: before?.omittedSince ?? reason.now,
      triedNamedAt: wasTried ? reason.now : before.triedNamedAt,
    };
  }

  async #checkOrThrow(turn: VersionTurn, early: EarlyPublication): Promise<VersionReport> {
    if (!mustAsk(turn, this.#request.reason, this.#newest)) {
      const noted = await this.#lookAtVault(turn);
      if (noted !== undefined) {
        return noted;
      }
    }
    if (this.#outage !== undefined) {
      // Each further try would wait for the same time limit.
      throw this.#outage;
    }
    const asked = await attempt(this.#ask(turn, early));
    if ('value' in asked) {
      return this.#publish(turn, asked.value, early);
    }
    const { error } = asked;
    if (isControlPlaneError(error, 'incompatible')) {
      const { now } = this.#request.reason;
      const since = turn.notServed?.since ?? now;
      return { kongVersion: turn.kongVersion, outcome: 'not-served', since, askedAt: now, error };
    }
    if (isControlPlaneError(error, 'unreachable')) {
      this.#outage = error;
    }
    throw error;
  }

  /** What was noted, if the vault still has it; undefined where the control plane must be asked after all. */
  async #lookAtVault({
    kongVersion,
    lastStatus,
    notServed,
  }: VersionTurn): Promise<VersionReport | undefined> {
    const name = { controlPlane: this.#parts.name, kongVersion };
    if (lastStatus !== undefined) {
      const noted = await findNoted(this.#parts, name, lastStatus);
      if (noted === undefined) {
        return undefined;
      }
      if (notServed === undefined) {
        return { kongVersion, settled: true, asked: undefined, frameWarnings: [], ...noted };
      }
    }
    return notServed && { outcome: 'not-served', ...notServed };
  }

  async #ask({ kongVersion }: VersionTurn, early: EarlyPublication): Promise<ControlPlaneConfiguration> {
    const { change, signal } = this.#request;
    const pluginVersions = this.#howToAnnounce();
    const configuration = await this.#visit.configuration({
      dataPlaneVersion: kongVersion,
      changedAt: change?.at,
      configHash: change?.configHash,
      pluginVersions,
      onEarly: (configuration) => early.offer(configuration),
      signal,
    });
    this.#announced.push({ asked: pluginVersions, answered: configuration.pluginVersions });
    return configuration;
  }

  #howToAnnounce(): PluginVersions {
    const { last, reason } = this.#request;
    const latest = this.#announced.at(-1)?.answered;
    if (latest !== undefined) {
      return latest;
    }
    const triedNamedAt = last?.pluginVersions?.triedNamedAt.getTime();
    return triedNamedAt === undefined || reason.now.getTime() - triedNamedAt >= namedAgainAfterMs
      ? 'named'
      : 'omitted';
  }

  async #publish(
    { kongVersion, lastStatus }: VersionTurn,
    configuration: ControlPlaneConfiguration,
    early: EarlyPublication,
  ): Promise<VersionReport> {
    const { configHash, builtAt, settled, tableSha256, hasTimestamp, warnings } = configuration;
    const isInNewBytes = !(lastStatus?.servedTables ?? []).includes(tableSha256);
    this.#newest ??= { configHash, builtAt, isInNewBytes };
    const asked: Asked = {
      at: this.#request.reason.now,
      newestConfigHash: this.#newest.configHash,
      // One of two nodes of the control plane may not have the change yet.
      isOfOtherMoment:
        configHash !== this.#newest.configHash && builtAt.getTime() !== this.#newest.builtAt.getTime(),
    };
    const publication = await publish(this.#parts, {
      name: { controlPlane: this.#parts.name, kongVersion },
      configuration,
      lastStatus: early.status(),
      guard: this.#guard,
      signal: this.#request.signal,
    });
    const frameWarnings = hasTimestamp ? warnings : [...warnings, withoutTimestamp];
    return { kongVersion, settled, asked, frameWarnings, ...early.conclude(publication) };
  }
}

/** A signal that aborts a little after another one. */
function abortAfter(signal: AbortSignal | undefined, clock: Clock): AbortSignal {
  const after = new AbortController();
  const end = () => void clock.sleep(graceMs).then(() => after.abort());
  if (signal?.aborted === true) {
    end();
  } else {
    signal?.addEventListener('abort', end, { once: true });
  }
  return after.signal;
}

function timeIsUp(when: string): ControlPlaneError {
  return new ControlPlaneError('cancelled', `the export ended ${when}: its time was up`);
}

function isControlPlaneError(error: unknown, code: ControlPlaneErrorCode): error is ControlPlaneError {
  return error instanceof ControlPlaneError && error.code === code;
}
