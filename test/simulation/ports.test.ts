import type { ConfigVault } from '../../core/vault/config-vault.ts';
import { s3ConfigVault } from '../../core/vault/s3-config-vault.ts';
import type { Signer } from '../../core/vault/signer.ts';
import { Machine } from '../../simulation/engine/machine.ts';
import { SeededRandom } from '../../simulation/engine/random.ts';
import { Timeline } from '../../simulation/engine/timeline.ts';
import { Faults } from '../../simulation/faults.ts';
import { simulatedS3 } from '../../simulation/ports/s3.ts';
import { simulatedSigner } from '../../simulation/ports/services.ts';
import { Bucket } from '../../simulation/world/bucket.ts';
import { makeSigningKey } from '../../simulation/world/keys.ts';
import { configVaultContract } from '../core/vault/config-vault-contract.ts';
import { signerContract } from '../core/vault/signer-contract.ts';

function makeWorld() {
  const timeline = new Timeline(Date.UTC(2026, 0, 1));
  const world = { timeline, random: new SeededRandom(1), faults: new Faults() };
  return { world, machine: new Machine(timeline, 'exporter') };
}

/** Lets simulated time pass while the work waits for it. */
async function passTime<Result>(timeline: Timeline, work: Promise<Result>): Promise<Result> {
  let isDone = false;
  const done = work.finally(() => {
    isDone = true;
  });
  done.catch(() => undefined);
  while (!isDone) {
    await timeline.step();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return done;
}

let patchCount = 0;
configVaultContract('the bucket of the simulation', async () => {
  const { world, machine } = makeWorld();
  const bucket = new Bucket(() => world.timeline.nowMs);
  const vault = s3ConfigVault({
    s3: simulatedS3(world, machine, bucket),
    bucket: 'vault',
    encryptionKeyArn: 'arn:aws:kms:eu-central-1:111122223333:key/encryption',
  });
  const timed: ConfigVault = {
    current: (name) => passTime(world.timeline, vault.current(name)),
    publish: (name, revision) => passTime(world.timeline, vault.publish(name, revision)),
    content: (name, versionId) => passTime(world.timeline, vault.content(name, versionId)),
    lastStatus: (controlPlane) => passTime(world.timeline, vault.lastStatus(controlPlane)),
    recordStatus: (status) => passTime(world.timeline, vault.recordStatus(status)),
  };
  return {
    vault: timed,
    newName() {
      patchCount += 1;
      return { controlPlane: 'contract', kongVersion: `3.9.${patchCount}` };
    },
    uncheckedControlPlane: 'contract',
  };
});

signerContract('the signer of the simulation', async (): Promise<Signer> => {
  const { world, machine } = makeWorld();
  const key = await makeSigningKey();
  const signer = simulatedSigner(world, machine, () => key);
  return {
    verificationKey: () => passTime(world.timeline, signer.verificationKey()),
    sign: (message) => passTime(world.timeline, signer.sign(message)),
  };
});
