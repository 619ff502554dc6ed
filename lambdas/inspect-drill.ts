import { tmpdir } from 'node:os';
import * as v from 'valibot';
import { attempt } from '../core/attempt.ts';
import { systemClock } from '../core/clock.ts';
import { cloudWatchDrillLog } from '../core/drill/cloudwatch-drill-log.ts';
import { drill, summarizeDrill } from '../core/drill/drill.ts';
import { isDrillDue, isVerificationDue } from '../core/drill/due.ts';
import { verifyKept } from '../core/drill/kept-revisions.ts';
import { endpointGrantSource } from '../core/fetch/grant-source.ts';
import type { DrillLog, DrillRecord } from '../core/inspect/drill-record.ts';
import { systemRandom } from '../core/random-source.ts';
import { findOwnKeys, type VaultReading } from '../core/vault/own-keys.ts';
import { logDrill, logUnreadLog, logUnverified, logVerified, measureDrill } from './drill-log.ts';
import { drillLogEnvironment } from './environment/drill.ts';
import { ownCredentials, type RuntimeCredentials } from './environment/grants.ts';
import type { inspectEnvironment } from './environment/inspect.ts';
import { readEnvironment } from './environment/read-environment.ts';

type Environment = v.InferOutput<typeof inspectEnvironment>;

/** What the schedule sends each hour. A person may send it too, and play a drill now. */
const drillEvent = v.object({
  drill: v.object({
    /** Whether it is played although the last one was not long ago. */
    now: v.optional(v.boolean(), false),
  }),
});

/** For one version: as long as a data plane's own download may take, and to look into it. */
const versionMs = 120_000;
/** For all versions: there may be ten, and a function that is ended has told nobody which of them hung. */
const drillMs = 12 * 60_000;
/** The verification of all that is kept takes so long at most, and ends with the rest. */
const keptMs = 9 * 60_000;
/** Of the function's 15 minutes. */
export const playMs = 14 * 60_000;
/** A person waits for it. */
const statusLogMs = 5_000;
/** What many functions ask for at the same moment comes later. */
const drillLogMs = 30_000;
/** A drill that is late is still found. */
const lateHours = 3;

/** @returns undefined for any other event */
export function readDrillEvent(event: unknown): { readonly now: boolean } | undefined {
  const parsed = v.safeParse(drillEvent, event);
  return parsed.success ? parsed.output.drill : undefined;
}

/** The drills of the function's own log, for the status and for the next drill. */
export function ownDrillLogs(environment: Environment, runtime: RuntimeCredentials) {
  return {
    statusLog: ownDrillLog(environment, runtime, statusLogMs),
    drillLog: ownDrillLog(environment, runtime, drillLogMs),
  };
}

function ownDrillLog(environment: Environment, runtime: RuntimeCredentials, timeoutMs: number): DrillLog {
  const { AWS_LAMBDA_LOG_GROUP_NAME, AWS_ENDPOINT_URL_CLOUDWATCH_LOGS } = readEnvironment(
    drillLogEnvironment,
    process.env,
  );
  const region = runtime.AWS_REGION;
  return cloudWatchDrillLog({
    endpoint: new URL(AWS_ENDPOINT_URL_CLOUDWATCH_LOGS ?? `https://logs.${region}.${environment.URL_SUFFIX}`),
    authentication: { by: 'iam', region, credentials: ownCredentials(runtime) },
    logGroupName: AWS_LAMBDA_LOG_GROUP_NAME,
    hours: environment.DRILL_HOURS + lateHours,
    timeoutMs,
    clock: systemClock,
    random: systemRandom,
  });
}

/** Plays drills, as a new data plane without anything but a role that may ask. */
export function drills(
  environment: Environment,
  runtime: RuntimeCredentials,
  reading: VaultReading,
  log: DrillLog,
  clock = systemClock,
): (event: { readonly now: boolean }) => Promise<DrillRecord | undefined> {
  const controlPlane = environment.CONTROL_PLANE;
  const versions = environment.DATA_PLANE_VERSIONS;
  const parts = {
    controlPlane,
    grantsOf: (kongVersion: string) =>
      endpointGrantSource(
        {
          endpoint: new URL(environment.API_URL),
          authenticate: async () => ({
            by: 'iam',
            region: runtime.AWS_REGION,
            credentials: ownCredentials(runtime),
          }),
        },
        { controlPlane, kongVersion, timeoutMs: 30_000, clock, random: systemRandom },
      ),
    trusted: async () => (await findOwnKeys(reading.signer, reading)).keys,
    lmdbMapBytes: environment.LMDB_MAP_MIB * 2 ** 20,
    holdDirectory: tmpdir(),
    timeoutMs: versionMs,
    totalMs: drillMs,
    clock,
    random: systemRandom,
  };
  const verify = (timeMs: number) =>
    verifyKept({ ...reading, name: controlPlane, dataPlaneVersions: versions, clock }, timeMs);
  return async ({ now }) => {
    const beginMs = clock.monotonicMs();
    const found = await attempt(log.last());
    if ('error' in found) {
      logUnreadLog(found.error);
    }
    const last = 'value' in found ? found.value : undefined;
    if (!now && !isDrillDue(last, environment.DRILL_HOURS, clock.now())) {
      return undefined;
    }
    const report = await drill(parts, versions);
    const played: DrillRecord = {
      ...summarizeDrill(report),
      ...(last?.revisions === undefined ? {} : { revisions: last.revisions }),
    };
    // Before what may take minutes, or all memory that there is.
    measureDrill(controlPlane, report);
    logDrill(controlPlane, played);
    if (!isVerificationDue(last, clock.now())) {
      return played;
    }
    const leftMs = playMs - (clock.monotonicMs() - beginMs);
    const verified = await attempt(verify(Math.max(0, Math.min(keptMs, leftMs))));
    if ('error' in verified) {
      logUnverified(verified.error);
      return played;
    }
    const record = { ...played, revisions: verified.value };
    logVerified(controlPlane, record);
    return record;
  };
}
