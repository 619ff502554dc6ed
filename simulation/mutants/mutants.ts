import type { HistoryOptions } from '../history.ts';
import {
  type InvariantName,
  promisesOfStandby,
  promisesToDataPlanes,
  promisesToFleets,
} from '../promises.ts';

/** A fault that is built into the shipped code, or into what calls it, to see whether the search finds it. */
export interface Mutant {
  readonly name: string;
  /** A line of a file that is replaced while the file is loaded; the file itself stays. */
  readonly edit?: { readonly file: string; readonly find: string; readonly replace: string };
  readonly surroundings?: Pick<HistoryOptions, 'hasSchedule'>;
  /** What it must break to count as found. @default any promise */
  readonly counted?: readonly InvariantName[];
}

export const mutants: readonly Mutant[] = [
  {
    name: 'a revision is put without If-Match',
    edit: {
      file: 'core/vault/s3-config-vault.ts',
      find: "replaces === undefined ? { IfNoneMatch: '*' } : { IfMatch: replaces }",
      replace: '{}',
    },
  },
  {
    name: 'a lost answer is taken for another exporter',
    edit: {
      file: 'core/vault/publish.ts',
      find: 'attempted.signedManifest === signedManifest',
      replace: 'false',
    },
  },
  {
    name: 'an empty configuration is published',
    edit: {
      file: 'core/vault/plausibility.ts',
      find: 'countAddedEntities(served.entities) === 0',
      replace: 'false',
    },
  },
  {
    name: 'a mass deletion is published',
    edit: {
      file: 'core/vault/plausibility.ts',
      find: 'gone * 100 > before * maximumLossPercent',
      replace: 'false',
    },
  },
  {
    name: 'another database is published',
    edit: {
      file: 'core/vault/plausibility.ts',
      find: 'before === undefined || now === undefined || before === now',
      replace: 'true',
    },
  },
  {
    name: 'the guard is not asked early',
    edit: {
      file: 'core/vault/publish.ts',
      find: 'isEarly ? guard.checkEarly(guarded) : guard.check(guarded)',
      replace: 'isEarly ? undefined : guard.check(guarded)',
    },
  },
  {
    name: 'an object that is not ours makes the guard needless',
    edit: {
      file: 'core/vault/publish.ts',
      find: 'const held = await holdBack(',
      replace: "const held = standing.is === 'foreign' ? undefined : await holdBack(",
    },
  },
  {
    name: 'a pinned file is published over',
    edit: {
      file: 'core/vault/publish.ts',
      find: 'pinned?.manifest.pinned === true',
      replace: 'false',
    },
  },
  {
    name: 'what is held has no metric',
    edit: { file: 'core/export/measurements.ts', find: "Held: count('held')", replace: 'Held: 0' },
  },
  {
    name: 'an older configuration is published',
    edit: {
      file: 'core/vault/decision.ts',
      find: 'configuration.builtAt.getTime() >= own.manifest.builtAt.getTime()',
      replace: 'true',
    },
  },
  {
    name: 'an old revision put back is taken for the newest',
    edit: {
      file: 'core/vault/standing.ts',
      find: 'own.manifest.revision >= noted.revision) {\n      return { is',
      replace: 'true) {\n      return { is',
    },
  },
  {
    name: 'a manifest is not bound to what is stored',
    edit: {
      file: 'core/vault/standing.ts',
      find: "manifest.storedSha256 === storedSha256 ? 'bound' : 'other'",
      replace: "'bound'",
    },
  },
  {
    name: 'the file of another control plane is taken for ours',
    edit: {
      file: 'core/vault/standing.ts',
      find: 'configFileKey(manifest) !== configFileKey(name)',
      replace: 'false',
    },
  },
  {
    name: 'every key is one of ours',
    edit: {
      file: 'core/vault/standing.ts',
      find: 'manifest = await verifyManifest(signedManifest, keys);',
      replace: "manifest = (await import('./manifest.ts')).readUnverifiedManifest(signedManifest);",
    },
  },
  {
    name: 'nothing is put back in place of something foreign',
    edit: {
      file: 'core/vault/publish.ts',
      find: "standing.is !== 'foreign' || standing.newestOwn === undefined",
      replace: 'true',
    },
  },
  {
    name: 'the time for which something older is served runs on through pauses',
    edit: {
      file: 'core/export/export-run.ts',
      find: 'Math.abs(now.getTime() - last.checkedAt.getTime()) <= withinMs',
      replace: 'true',
    },
  },
  {
    name: 'a new signing key signs nothing',
    edit: {
      file: 'core/vault/standing.ts',
      find: 'keyId !== keys[0].keyId ||',
      replace: 'false ||',
    },
  },
  {
    name: 'revisions count from the replaced object alone',
    edit: {
      file: 'core/vault/new-revision.ts',
      find: 'Math.max(follows?.manifest.revision ?? 0, notedRevision ?? 0) + 1',
      replace: '(follows?.manifest.revision ?? 0) + 1',
    },
  },
  { name: 'the schedule is off', surroundings: { hasSchedule: false } },
  {
    name: 'the vault does not know the deadline',
    edit: {
      file: 'core/export/export-run.ts',
      find: 'vault: parts.vault.within(signal)',
      replace: 'vault: parts.vault',
    },
  },
  {
    name: 'the export has no deadline',
    edit: {
      file: 'core/export/exporter.ts',
      find: 'clock.deadline(Math.max(0, remainingMs - reservedMs))',
      replace: 'new AbortController().signal',
    },
  },
  {
    name: 'the first frame is taken after a change',
    edit: {
      file: 'core/kong/settle.ts',
      find: 'readAfterMs > changedAt.getTime()',
      replace: 'true',
    },
  },
  {
    name: 'all hooks of five minutes are one message',
    edit: {
      file: 'core/intake/sqs-export-requests.ts',
      find: 'MessageDeduplicationId: `',
      replace: 'MessageDeduplicationId: `same`, nothing: `',
    },
  },
  {
    name: 'the client does not check the hash',
    counted: promisesToDataPlanes,
    edit: {
      file: 'core/fetch/download.ts',
      find: "sha256.digest('hex') !== manifest.sha256",
      replace: 'false',
    },
  },
  {
    name: 'the client does not check the control plane',
    counted: promisesToDataPlanes,
    edit: {
      file: 'core/fetch/download.ts',
      find: 'manifest.controlPlane !== request.controlPlane',
      replace: 'false',
    },
  },
  {
    name: 'the client does not check the version',
    counted: promisesToDataPlanes,
    edit: {
      file: 'core/fetch/download.ts',
      // Each of its two checks alone refuses another version's file: both are left out.
      find: 'requireVersion(manifest, request);',
      replace: '',
    },
  },
  {
    name: 'the client trusts every key',
    counted: promisesToDataPlanes,
    edit: {
      file: 'core/vault/signed-document.ts',
      find: 'if (key === undefined) {',
      replace: "if (key === undefined) { return base64url.decode(jws.split('.')[1] ?? ''); } if (false) {",
    },
  },
  {
    name: 'the client does not check the signature',
    counted: promisesToDataPlanes,
    edit: {
      file: 'core/vault/signed-document.ts',
      find: "await compactVerify(jws, key.key, { algorithms: ['ES256'] })",
      replace:
        "{ protectedHeader: decodeProtectedHeader(jws), payload: base64url.decode(jws.split('.')[1] ?? '') } as never",
    },
  },
  {
    name: 'the client knows only the first of its keys',
    counted: promisesToDataPlanes,
    edit: {
      file: 'core/vault/signed-document.ts',
      find: 'trusted.find((each) => each.keyId === keyId)',
      replace: 'trusted[0]',
    },
  },
  {
    name: 'the client does not compare with the status',
    edit: { file: 'core/fetch/currency.ts', find: 'revision < noted.revision', replace: 'false' },
  },
  {
    name: 'standby undoes a load on time alone',
    counted: promisesOfStandby,
    edit: {
      file: 'core/standby/load-verdict.ts',
      find: 'if (!isSeen(look) || !isSeen(before)) {',
      replace: 'if (!isSeen(look) || !isSeen(before) || afterTimeout(nowMs) !== "loading") {',
    },
  },
  {
    name: 'standby takes a restart of Kong for a refusal',
    counted: promisesOfStandby,
    edit: {
      file: 'core/standby/seeding.ts',
      find: "return 'interrupted';\n    }\n    if (verdict !== 'loading')",
      replace: "return 'refused';\n    }\n    if (verdict !== 'loading')",
    },
  },
  {
    name: 'standby seeds over the first version of a live control plane',
    counted: promisesOfStandby,
    edit: {
      file: 'core/standby/emptiness.ts',
      find: 'hash === noConfiguration && (await node.isSurelyEmpty())',
      replace: 'hash === noConfiguration',
    },
  },
  {
    name: 'a failed status is written as a good one',
    edit: {
      file: 'core/export/status-after.ts',
      find: "versions.some(({ outcome }) => outcome !== 'failed')",
      replace: 'true',
    },
  },
  {
    name: 'an unreachable control plane is not told',
    edit: {
      file: 'core/export/measurements.ts',
      find: 'ControlPlaneUnreachable: outage ? 1 : 0',
      replace: 'ControlPlaneUnreachable: 0',
    },
  },
  {
    name: 'an export that gives up is not told',
    edit: {
      file: 'core/export/measurements.ts',
      find: 'ExportFailed: gaveUp && !outage ? 1 : 0',
      replace: 'ExportFailed: 0',
    },
  },
  {
    name: 'a fleet is not spread',
    counted: promisesToFleets,
    edit: { file: 'core/standby/watch.ts', find: 'random * policy.spreadMs', replace: '0' },
  },
  {
    name: 'a fetch is not spread',
    counted: promisesToFleets,
    edit: { file: 'core/fetch/fetch-config.ts', find: 'random.next() * spreadMs', replace: '0' },
  },
  {
    name: 'standby ignores Retry-After',
    counted: promisesToFleets,
    edit: {
      file: 'core/standby/watch.ts',
      find: 'Math.min(retryAfterMs, policy.slowPauseMs)',
      replace: '0',
    },
  },
  {
    name: 'a fetch ignores Retry-After',
    counted: promisesToFleets,
    edit: {
      file: 'core/fetch/fetch-config.ts',
      find: 'failure.throttling.retryAfterMs + ',
      replace: '',
    },
  },
  {
    name: 'a fetch that is throttled gives up',
    counted: promisesToFleets,
    edit: { file: 'core/fetch/fetch-config.ts', find: 'failure.throttling === undefined', replace: 'true' },
  },
  {
    name: 'a second endpoint is asked after a timeout only',
    counted: promisesToFleets,
    edit: { file: 'core/fetch/first-grant.ts', find: 'silenceMs = 2_000', replace: 'silenceMs = 20_000' },
  },
  {
    name: 'a refusal by one endpoint is that of all',
    counted: promisesToFleets,
    edit: {
      file: 'core/fetch/first-grant.ts',
      find: 'failures.push(answer);',
      replace: 'failures.push(answer); break;',
    },
  },
];
