import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Manifest } from '../../core/vault/manifest.ts';
import type { LocalSystem } from '../local-system.ts';
import { type RollbackResult, takeBack } from './bad-publication.ts';
import { type InspectionResult, lookAtRevisions } from './inspection.ts';
import { approveMassDeletion, type GuardResult, holdMassDeletion } from './mass-deletion.ts';
import { fetchAsNewDataPlane, holdsTable } from './new-data-plane.ts';
import { type OldRevisionResult, playOldRevision } from './old-revision.ts';
import { isRefusedAsOld, type NewDataPlane, tryTampering } from './refusals.ts';
import type { SimulatedControlPlane, Subject } from './subject.ts';
import { countNoun, describeManifest, type Timeline } from './timeline.ts';
import { openVaultView, sumMeasurements, type VaultView } from './vault-view.ts';

export const controlPlaneName = 'prod';
/** Mostly a rehearsal waits for the pace of exports, which is 5 s by default. */
export const rehearsedIntervalSeconds = 2;
const burstSize = 200;
const burstName = 'burst-';

export interface RehearsalResult {
  readonly revision: number;
  readonly entities: Manifest['entities'];
  readonly sha256: string;
  readonly sizeBytes: number;
  /** From the control plane's answer to the change to its publication; null where it may not be changed. */
  readonly changeToPublishedSeconds: number | null;
  readonly burst: { readonly changes: number; readonly exports: number; readonly seconds: number } | null;
  readonly unchangedWroteVersion: boolean;
  /** A publication that was taken back; null where the control plane may not be changed. */
  readonly rollback: RollbackResult | null;
  /** What became of a mass deletion; null where the control plane may not be changed. */
  readonly guard: GuardResult | null;
  /** What people were told who may look at revisions, and not read them. */
  readonly inspection: InspectionResult;
  readonly outageLeftVaultAlone: boolean | null;
  /** What became of an old revision that was put back in the outage; null where there was none to stage. */
  readonly oldRevision: OldRevisionResult | null;
  readonly tamperedUrlRefused: boolean;
  readonly tamperedFileRefused: boolean;
  readonly dataPlane: {
    readonly verified: boolean;
    readonly file: string;
    /** Whether the file holds what people last had in the control plane; null where that is not known. */
    readonly equalsControlPlane: boolean | null;
  };
}

export interface Rehearsal {
  readonly system: LocalSystem;
  readonly subject: Subject;
  readonly timeline: Timeline;
  /** Where a data plane's files go. */
  readonly directory: string;
  /** An upstream that answers, for a request through the gateway. */
  readonly upstreamUrl: string;
}

interface Run extends Rehearsal {
  readonly vault: VaultView;
}

/** Plays an outage from the first export to the new data plane; each step throws when it does not hold. */
export async function rehearse(rehearsal: Rehearsal): Promise<RehearsalResult> {
  const { system, subject, timeline } = rehearsal;
  const { simulator, dataPlaneVersion } = subject;
  const vault = await openVaultView(system, controlPlaneName, dataPlaneVersion);
  const run: Run = { ...rehearsal, vault };

  if (simulator === undefined) {
    timeline.result('Event hook', null, 'left out: a real control plane is not changed');
  } else {
    await simulator.installHook(system.webhookUrl, system.hookSecret);
    timeline.step('Event hook installed', system.webhookUrl);
  }
  timeline.step('First export', describeManifest(await firstExport(system, vault)));

  const changes = simulator === undefined ? null : await makeChanges(run, simulator);
  if (changes === null) {
    timeline.result('Changes', null, 'left out: a real control plane is not changed');
  }

  const unchangedWroteVersion = await checkUnchanged(run);
  timeline.result(
    'Schedule: nothing changed',
    !unchangedWroteVersion,
    unchangedWroteVersion ? 'NOT as expected: a version was written' : 'no version written',
  );

  const rollback = simulator === undefined ? null : await takeBackPublication(run);
  tellHeld(
    timeline,
    'A publication is taken back',
    rollback === null ? null : rollback.pinned && rollback.unpinned,
    [
      `revision ${rollback?.revision} has the content of revision 1; nothing was published over it until it was unpinned`,
      'NOT as expected: it was published over, or nothing was published after it',
      'left out: a real control plane is not changed',
    ],
  );

  const guard = await playMassDeletion(run);
  const inspection = await lookAround(run);
  const lastTable = simulator?.served().table;
  return {
    changeToPublishedSeconds: changes?.changeToPublishedSeconds ?? null,
    burst: changes?.burst ?? null,
    unchangedWroteVersion,
    rollback,
    guard,
    inspection,
    ...(await playOutage(run)),
    ...(await bootNewDataPlane(run, lastTable)),
  };
}

/** Takes the control plane down, and puts an old revision back while nobody can publish. */
async function playOutage(run: Run): Promise<Pick<RehearsalResult, 'outageLeftVaultAlone' | 'oldRevision'>> {
  const { subject, timeline } = run;
  const { simulator } = subject;
  const outageLeftVaultAlone = simulator === undefined ? null : await takeDown(run, simulator);
  tellHeld(timeline, 'Control plane down', outageLeftVaultAlone, [
    'the export reports the outage; the vault is unchanged',
    'NOT as expected: the vault changed',
    'left out: a real control plane is not stopped',
  ]);
  const oldRevision = simulator === undefined ? null : await playIntruder(run);
  tellHeld(
    timeline,
    'An old revision is put back',
    oldRevision === null ? null : oldRevision.refused && oldRevision.repaired,
    [
      'refused by the data plane; the next export put the newest one back, and an alarm rings',
      'NOT as expected: a data plane took it, or it stayed',
      'left out: a real control plane is not changed, so that there is none',
    ],
  );
  return { outageLeftVaultAlone, oldRevision };
}

/** Tampers with a grant, then boots a new data plane from an honest one. */
async function bootNewDataPlane(run: Run, lastTable: object | undefined) {
  const { system, subject, timeline, directory, vault } = run;
  const publicKeyFile = join(directory, 'signing-key.pem');
  await writeFile(publicKeyFile, vault.key.key.export({ format: 'pem', type: 'spki' }));
  const refusals = await tryTampering(refusing(run));
  timeline.result('Tampered URLs', refusals.url, refusals.url ? 'refused by the vault (403)' : 'NOT refused');
  timeline.result(
    'Tampered file',
    refusals.file,
    refusals.file ? 'refused by the data plane' : 'NOT refused',
  );

  const file = join(directory, 'config.json');
  const { dataPlaneVersion } = subject;
  const fetched = await fetchAsNewDataPlane(system, controlPlaneName, dataPlaneVersion, publicKeyFile, file);
  const manifest = await vault.until('reading the vault', () => true);
  const verified = fetched.sha256 === manifest.sha256 && fetched.revision === manifest.revision;
  const equalsControlPlane = lastTable === undefined ? null : await holdsTable(file, lastTable);
  timeline.result(
    'New data plane has its file',
    verified,
    `${describeManifest(manifest)}, ${verified ? 'verified' : 'NOT the one that was published'}`,
  );
  tellHeld(timeline, 'File compared', equalsControlPlane, [
    'equal to the control plane’s last configuration',
    'NOT equal to the control plane’s last configuration',
    'left out: the last configuration of a real control plane is not known',
  ]);
  return {
    revision: manifest.revision,
    entities: manifest.entities,
    sha256: manifest.sha256,
    sizeBytes: manifest.size,
    tamperedUrlRefused: refusals.url,
    tamperedFileRefused: refusals.file,
    dataPlane: { verified, file, equalsControlPlane },
  };
}

function tellHeld(
  timeline: Timeline,
  what: string,
  held: boolean | null,
  [yes, no, leftOut]: readonly [yes: string, no: string, leftOut: string],
): void {
  timeline.result(what, held, held === null ? leftOut : held ? yes : no);
}

/** Whether everything held that was looked at. */
export function isGood(result: RehearsalResult): boolean {
  return (
    !result.unchangedWroteVersion &&
    result.rollback?.pinned !== false &&
    result.rollback?.unpinned !== false &&
    result.guard?.held !== false &&
    result.guard?.approved !== false &&
    result.inspection.ready &&
    result.inspection.verified &&
    result.outageLeftVaultAlone !== false &&
    result.oldRevision?.refused !== false &&
    result.oldRevision?.repaired !== false &&
    result.tamperedUrlRefused &&
    result.tamperedFileRefused &&
    result.dataPlane.verified &&
    result.dataPlane.equalsControlPlane !== false
  );
}

async function makeChanges(run: Run, simulator: SimulatedControlPlane) {
  const { timeline } = run;
  const one = await publishOneChange(run, simulator);
  timeline.step(
    'One change published',
    `${one.seconds.toFixed(1)} s after it was made · ${describeManifest(one.manifest)}`,
  );
  const burst = await publishBurst(run, simulator);
  timeline.step(
    `${burstSize} changes published`,
    `${countNoun(burst.exports, 'export')}, ${burst.seconds.toFixed(1)} s · ${describeManifest(burst.manifest)}`,
  );
  return {
    changeToPublishedSeconds: roundSeconds(one.seconds),
    burst: { changes: burstSize, exports: burst.exports, seconds: roundSeconds(burst.seconds) },
  };
}

/** Asks for an export, and waits until the vault holds what the control plane serves now. */
export async function firstExport(system: LocalSystem, vault: VaultView): Promise<Manifest> {
  await system.ringSchedule();
  return vault.until(
    'the first export',
    () => countChecks(system) > 0,
    // The first try may come a moment too early. After the second, the address is wrong.
    () => sumMeasurements(system, 'ControlPlaneUnreachable') > 1,
  );
}

async function publishOneChange({ vault, upstreamUrl }: Run, simulator: SimulatedControlPlane) {
  const before = await vault.current();
  const changedAt = await simulator.create('services', { name: 'rehearsal', url: upstreamUrl });
  const manifest = await vault.until(
    'the publication of a change',
    ({ configHash }) => configHash !== before?.configHash,
  );
  return { manifest, seconds: (Date.now() - changedAt.getTime()) / 1000 };
}

async function publishBurst({ system, vault, upstreamUrl }: Run, simulator: SimulatedControlPlane) {
  await waitUntilIdle(system);
  const exportsBefore = system.exportCount();
  const startedMs = Date.now();
  await simulator.create('services/rehearsal/routes', { name: 'rehearsal', paths: ['/rehearsal'] });
  for (let change = 1; change < burstSize; change += 1) {
    await simulator.create('services', { name: `${burstName}${change}`, url: upstreamUrl });
  }
  const manifest = await vault.until(
    'the publication of the last of a burst of changes',
    ({ configHash }) => {
      const served = simulator.served();
      return served.upToDate && served.configHash === configHash;
    },
  );
  const seconds = (Date.now() - startedMs) / 1000;
  await waitUntilIdle(system);
  return { manifest, seconds, exports: system.exportCount() - exportsBefore };
}

/** Asks for an export of what is published already. */
async function checkUnchanged({ system, vault }: Run): Promise<boolean> {
  const before = await vault.versionCount();
  const checksBefore = countChecks(system);
  await system.ringSchedule();
  await vault.until('the check of an unchanged configuration', () => countChecks(system) > checksBefore);
  return (await vault.versionCount()) !== before;
}

function takeBackPublication({ system, vault, subject }: Run): Promise<RollbackResult> {
  return takeBack({
    system,
    vault,
    controlPlane: controlPlaneName,
    dataPlaneVersion: subject.dataPlaneVersion,
    countPinned: () => sumMeasurements(system, 'Pinned'),
  });
}

/** Deletes most of it, which is held, and lets an operator say that it was meant. */
async function playMassDeletion({ system, vault, subject, timeline }: Run): Promise<GuardResult | null> {
  const { simulator } = subject;
  const deletion = simulator && {
    ...{ system, vault, simulator, controlPlane: controlPlaneName },
    countHeld: () => sumMeasurements(system, 'Held'),
  };
  const held = deletion === undefined ? null : await holdMassDeletion(deletion, burstName);
  tellHeld(timeline, 'Most of it is deleted', held, [
    'held: the vault is unchanged, and an alarm rings',
    'NOT as expected: the vault changed',
    'left out: a real control plane is not changed',
  ]);
  const approved = deletion === undefined ? null : await approveMassDeletion(deletion);
  tellHeld(timeline, 'That was meant', approved, [
    'published after an operator’s command',
    'NOT as expected: it was not published',
    'left out: a real control plane is not changed',
  ]);
  return held === null || approved === null ? null : { held, approved };
}

/** Asks what a person on call asks, who may not read the files. */
async function lookAround({ system, vault, timeline }: Run): Promise<InspectionResult> {
  const { revision } = await vault.until('reading the vault', () => true);
  const seen = await lookAtRevisions(system, controlPlaneName, revision);
  const { ready, verified, differences } = seen;
  timeline.result(
    'Revisions inspected',
    ready && verified,
    ready && verified
      ? `revision ${revision} verified; differing between the first two: ${differences}`
      : 'NOT as expected: the current revision is not called ready, or did not pass',
  );
  return seen;
}

async function takeDown({ system, vault }: Run, controlPlane: SimulatedControlPlane): Promise<boolean> {
  const before = await vault.current();
  await controlPlane.takeDown();
  await system.ringSchedule();
  const after = await vault.until(
    'the report of the outage',
    () => sumMeasurements(system, 'ControlPlaneUnreachable') > 0,
  );
  return after.sha256 === before?.sha256;
}

function playIntruder(run: Run): Promise<OldRevisionResult> {
  const { system, vault, subject } = run;
  return playOldRevision({
    ...{ system, vault, controlPlane: controlPlaneName, dataPlaneVersion: subject.dataPlaneVersion },
    isRefused: () => isRefusedAsOld(refusing(run)),
    countReplaced: () => sumMeasurements(system, 'ManifestReplaced'),
  });
}

function refusing({ system, vault, subject, directory }: Run): NewDataPlane {
  const { dataPlaneVersion } = subject;
  return { system, key: vault.key, controlPlane: controlPlaneName, dataPlaneVersion, directory };
}

/** Exports that ended with the vault holding what the control plane serves. */
function countChecks(system: LocalSystem): number {
  const [verified = 0, held = 0, pinned = 0] = ['Verified', 'Held', 'Pinned'].map((name) =>
    sumMeasurements(system, name),
  );
  return verified - held - pinned;
}

/** Waits until the hooks on their way have become exports and these have ended. */
async function waitUntilIdle(system: LocalSystem): Promise<void> {
  while (!system.isIdle()) {
    await delay(50);
  }
}

function roundSeconds(seconds: number): number {
  return Math.round(seconds * 100) / 100;
}
