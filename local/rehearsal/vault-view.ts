import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ListObjectVersionsCommand } from '@aws-sdk/client-s3';
import * as v from 'valibot';
import { systemClock } from '../../core/clock.ts';
import { configFileKey } from '../../core/vault/config-file-name.ts';
import type { ControlPlaneStatus } from '../../core/vault/config-vault.ts';
import { kmsSigner } from '../../core/vault/kms-signer.ts';
import type { Manifest } from '../../core/vault/manifest.ts';
import { verifyManifest } from '../../core/vault/manifest.ts';
import { s3ConfigVault } from '../../core/vault/s3-config-vault.ts';
import type { VerificationKey } from '../../core/vault/signer.ts';
import { verifyStatus } from '../../core/vault/status.ts';
import type { LocalSystem } from '../local-system.ts';
import { waitWhileMoving } from './progress.ts';

/**
 * What can be seen of the vault: files with the rights of a presigned URL, the list of versions with an
 * administrator's.
 */
export interface VaultView {
  readonly key: VerificationKey;
  /** The published file's verified manifest. */
  current(): Promise<Manifest | undefined>;
  versionCount(): Promise<number>;
  /** What the last check noted, verified; undefined before the first one. */
  status(): Promise<ControlPlaneStatus | undefined>;
  /**
   * Waits as long as the system gets on, as it does on a busy machine, too.
   *
   * @param hasFailed ends the wait early
   * @throws Error when it does not come true: 30 s after the last hook that was accepted and the last check
   * that ended well
   */
  until(what: string, isTrue: (manifest: Manifest) => boolean, hasFailed?: () => boolean): Promise<Manifest>;
}

export async function openVaultView(
  system: LocalSystem,
  controlPlane: string,
  kongVersion: string,
): Promise<VaultView> {
  const { reader, s3, kms } = system.clients;
  const name = { controlPlane, kongVersion };
  const vault = s3ConfigVault({ s3: reader, bucket: system.bucket, encryptionKeyArn: '' });
  const key = await kmsSigner(kms, system.signingKeyArn).verificationKey();

  const current = async (): Promise<Manifest | undefined> => {
    const published = await vault.current(name);
    return published === undefined ? undefined : verifyManifest(published.manifest ?? '', [key]);
  };
  return {
    key,
    current,
    async versionCount() {
      const { Versions = [] } = await s3.send(
        new ListObjectVersionsCommand({ Bucket: system.bucket, Prefix: configFileKey(name) }),
      );
      return Versions.length;
    },
    async status() {
      const stored = await vault.status(controlPlane);
      return stored?.text === undefined ? undefined : verifyStatus(stored.text, controlPlane, [key]);
    },
    async until(what, isTrue, hasFailed = () => false) {
      const startedMs = systemClock.monotonicMs();
      const look = async () => {
        const manifest = await current();
        return manifest !== undefined && isTrue(manifest) ? manifest : undefined;
      };
      const found = await waitWhileMoving(
        { look, countSteps: () => countSteps(system), hasFailed },
        systemClock,
      );
      if (found === undefined) {
        throw new Error(await describeFailure(what, systemClock.monotonicMs() - startedMs, system));
      }
      return found;
    },
  };
}

/** The sum of what functions have measured so far by that name. */
export function sumMeasurements(system: LocalSystem, name: string): number {
  return system
    .measurements()
    .filter((measurement) => measurement.name === name)
    .reduce((sum, { value }) => sum + value, 0);
}

/** How far the system has come. An export that fails, and is tried again, is no step. */
function countSteps(system: LocalSystem): number {
  return sumMeasurements(system, 'HooksAccepted') + sumMeasurements(system, 'Verified');
}

const loggedError = v.pipe(v.string(), v.parseJson(), v.object({ error: v.string() }));

async function describeFailure(what: string, waitedMs: number, system: LocalSystem): Promise<string> {
  const log = join(system.logDirectory, 'export.log');
  const lines = (await readFile(log, 'utf8').catch(() => '')).split('\n');
  const error = lines.findLast((line) => v.is(loggedError, line));
  const refusal = system.refusals().at(-1);
  return [
    `${what} did not happen within ${Math.round(waitedMs / 1000)} s.`,
    system.exportCount() === 0
      ? 'The export function was given no message: see the queue’s AWS::Lambda::EventSourceMapping.'
      : error === undefined
        ? 'The export function logged no error.'
        : `The export function’s last error: ${v.parse(loggedError, error).error}.`,
    ...(refusal === undefined ? [] : [`The last request that a policy refused: ${refusal}.`]),
    'Mend that and start again (of a control plane check address, port and the way to it).',
    `The export function’s log: ${log}`,
  ].join(' ');
}
