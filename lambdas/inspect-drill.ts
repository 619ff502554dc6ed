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
import { logDrill, logUnreadLog, logUnverified, measureDrill } from './drill-log.ts';
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
/** Of the function's 15 minutes. */
const keptMs = 9 * 60_000;
const logMs = 5_000;
/** A drill that is late is still found. */
const lateHours = 3;

/** @returns undefined for any other event */
export function readDrillEvent(event: unknown): { readonly now: boolean } | undefined {
  const parsed = v.safeParse(drillEvent, event);
  return parsed.success ? parsed.output.drill : undefined;
}

/** The drills of the function's own log. */
export function ownDrillLog(environment: Environment, runtime: RuntimeCredentials): DrillLog {
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
    timeoutMs: logMs,
    clock: systemClock,
  });
}

/** Plays drills, as a new data plane without anything but a role that may ask. */
export function drills(
  environment: Environment,
  runtime: RuntimeCredentials,
  reading: VaultReading,
  log: DrillLog,
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
        { controlPlane, kongVersion, timeoutMs: 30_000, clock: systemClock, random: systemRandom },
      ),
    trusted: async () => (await findOwnKeys(reading.signer, reading)).keys,
    lmdbMapBytes: environment.LMDB_MAP_MIB * 2 ** 20,
    holdDirectory: tmpdir(),
    timeoutMs: versionMs,
    clock: systemClock,
    random: systemRandom,
  };
  const verify = () =>
    verifyKept({ ...reading, name: controlPlane, dataPlaneVersions: versions, clock: systemClock }, keptMs);
  return async ({ now }) => {
    const found = await attempt(log.last());
    if ('error' in found) {
      logUnreadLog(found.error);
    }
    const last = 'value' in found ? found.value : undefined;
    if (!now && !isDrillDue(last, environment.DRILL_HOURS, systemClock.now())) {
      return undefined;
    }
    const report = await drill(parts, versions);
    // Before what may take minutes.
    measureDrill(controlPlane, report);
    const verified = isVerificationDue(last, systemClock.now()) ? await attempt(verify()) : undefined;
    if (verified !== undefined && 'error' in verified) {
      logUnverified(verified.error);
    }
    const revisions = verified !== undefined && 'value' in verified ? verified.value : last?.revisions;
    const record = { ...summarizeDrill(report), ...(revisions === undefined ? {} : { revisions }) };
    logDrill(controlPlane, record);
    return record;
  };
}
