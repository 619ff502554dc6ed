import { summarizeChanges } from '../core/export/changes.ts';
import type { BatchOutcome } from '../core/export/export-batch.ts';
import type { RevisionChanges } from '../core/export/revision-changes.ts';
import type { VersionReport } from '../core/export/version-report.ts';
import type { Manifest } from '../core/vault/manifest.ts';
import type { NewPublication } from '../core/vault/publish.ts';
import { errorFields } from './error-fields.ts';
import { logger } from './telemetry.ts';

/** One line per data-plane version that says what became of it, and one for what is left of the batch. */
export function logBatch(controlPlane: string, { report, unreadable, retry, gaveUp }: BatchOutcome): void {
  for (const version of report?.versions ?? []) {
    logVersion(controlPlane, version);
  }
  if (report?.pluginVersionsOmitted === true) {
    logger.warn(
      'the control plane serves nothing to a data plane that names the versions of its plugins: one of its plugins has ' +
        'another version than its own. They are left out from now on, and tried again once a day',
      { controlPlane },
    );
  }
  if (report?.statusDisbelieved !== undefined) {
    logger.warn(
      `the status of the last check was not believed, and is written anew: ${report.statusDisbelieved}. After an upgrade from a ` +
        'release that did not sign it this comes once; else find out who wrote there (CloudTrail data events)',
      { controlPlane },
    );
  }
  for (const missing of report?.missingKeys ?? []) {
    logger.error(
      'a signing key cannot be asked for: what it may have signed is not judged; see "Signing key missing" in the runbook',
      { controlPlane, ...errorFields(missing) },
    );
  }
  if (report?.keepsVersions === false) {
    logger.error(
      'the bucket keeps no versions: no change is published until versioning is on again; see "Bucket keeps no versions" in the runbook',
      { controlPlane },
    );
  }
  if (report?.statusError !== undefined) {
    logger.error('status not written', { controlPlane, ...errorFields(report.statusError) });
  }
  if (unreadable.length > 0) {
    logger.error('messages that are not export commands go to the dead-letter queue', {
      controlPlane,
      messageIds: unreadable,
    });
  }
  if (retry !== undefined) {
    logger.warn('export incomplete, it will be tried again', {
      controlPlane,
      afterSeconds: retry.afterSeconds,
    });
  }
  if (gaveUp) {
    logger.error('export incomplete after its last try; the schedule will ask again', { controlPlane });
  }
}

function logVersion(controlPlane: string, version: VersionReport): void {
  const { kongVersion, outcome, early } = version;
  if (early !== undefined) {
    logger.info('published', { ...manifestFields(early.manifest), early: true, settled: false });
    warnOf(early, controlPlane);
  }
  if (version.restored !== undefined) {
    logger.info('published', { ...manifestFields(version.restored.manifest), restored: true });
    warnOf(version.restored, controlPlane);
  }
  if (outcome === 'failed') {
    logger.error('export failed', { controlPlane, kongVersion, ...errorFields(version.error) });
    return;
  }
  if (outcome === 'not-served') {
    if (version.error !== undefined) {
      logger.warn('version not served', {
        controlPlane,
        kongVersion,
        since: version.since,
        ...errorFields(version.error),
      });
    }
    return;
  }
  if (outcome === 'held') {
    const { reason, what, losses, foundWith } = version.held;
    logger.error(
      'configuration held: it was not published, and waits for a person; see "Configuration held" in the runbook',
      { controlPlane, kongVersion, reason, what, gone: losses, foundWith },
    );
    return;
  }
  const fields = manifestFields(version.manifest);
  const { revision } = version.manifest;
  if (outcome === 'published') {
    logger.info('published', { ...fields, settled: version.settled });
    for (const warning of [
      ...version.frameWarnings,
      ...(version.warning === undefined ? [] : [version.warning]),
    ]) {
      logger.warn(warning, { controlPlane, kongVersion, revision });
    }
  } else if (outcome === 'behind') {
    logger.warn('the control plane serves an older configuration than the published one', {
      ...fields,
      behindSince: version.behindSince,
    });
  } else if (outcome === 'pinned') {
    const { rollbackOf } = version.manifest;
    logger.info('pinned', { ...fields, rollbackOf, asked: version.asked !== undefined });
  } else {
    logger.info('unchanged', { ...fields, asked: version.asked !== undefined });
  }
}

/** A revision that an operator's command has put into the vault. */
export function logPublication(controlPlane: string, publication: NewPublication): void {
  const { rollbackOf, pinned } = publication.manifest;
  logger.info('published', { ...manifestFields(publication.manifest), rollbackOf, pinned });
  warnOf(publication, controlPlane);
}

function warnOf({ warning, manifest }: NewPublication, controlPlane: string): void {
  if (warning !== undefined) {
    const { kongVersion, revision } = manifest;
    logger.warn(warning, { controlPlane, kongVersion, revision });
  }
}

function manifestFields(manifest: Manifest): Readonly<Record<string, unknown>> {
  const { controlPlane, kongVersion, revision, sha256, size, entities, configHash, exportedAt } = manifest;
  return { controlPlane, kongVersion, revision, exportedAt, sha256, sizeBytes: size, entities, configHash };
}

/**
 * Says what a revision changed, or would change, or why that is not told: the line of its publication, or
 * that it is held, is written before.
 */
export function logChanges({ manifest, isHeld, changes }: RevisionChanges): void {
  const { controlPlane, kongVersion, revision } = manifest;
  const fields = { controlPlane, kongVersion, revision };
  if ('error' in changes) {
    logger.info('changes not told', { ...fields, ...errorFields(changes.error) });
  } else {
    logger.info(isHeld ? 'changes held back' : 'changes', {
      ...fields,
      changes: summarizeChanges(changes.value),
      changed: changes.value,
    });
  }
}
