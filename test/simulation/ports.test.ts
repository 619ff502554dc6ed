import { parseExportCommand } from '../../core/intake/export-command.ts';
import { secretsManagerHookSecrets } from '../../core/intake/secrets-manager-hook-secrets.ts';
import { sqsExportRequests } from '../../core/intake/sqs-export-requests.ts';
import type { ConfigVault } from '../../core/vault/config-vault.ts';
import { s3ConfigVault } from '../../core/vault/s3-config-vault.ts';
import type { Signer } from '../../core/vault/signer.ts';
import { Machine } from '../../simulation/engine/machine.ts';
import type { Timeline } from '../../simulation/engine/timeline.ts';
import { type Disk, simulatedOutput } from '../../simulation/ports/disk.ts';
import { simulatedS3 } from '../../simulation/ports/s3.ts';
import { simulatedSecretsManager, simulatedSigner, simulatedSqs } from '../../simulation/ports/services.ts';
import { Bucket } from '../../simulation/world/bucket.ts';
import { makeSigningKey } from '../../simulation/world/keys.ts';
import { FifoQueue } from '../../simulation/world/queue.ts';
import { clockContract } from '../core/clock-contract.ts';
import { exportQueueContract } from '../core/export/export-queue-contract.ts';
import { outputFileContract } from '../core/fetch/output-file-contract.ts';
import { exportRequestsContract } from '../core/intake/export-requests-contract.ts';
import { hookSecretsContract } from '../core/intake/hook-secrets-contract.ts';
import { configVaultContract } from '../core/vault/config-vault-contract.ts';
import { signerContract } from '../core/vault/signer-contract.ts';
import { makeWorld, passTime } from './pass-time.ts';

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
    versionIds: (name, limit) => passTime(world.timeline, vault.versionIds(name, limit)),
    version: (name, versionId) => passTime(world.timeline, vault.version(name, versionId)),
    status: (controlPlane) => passTime(world.timeline, vault.status(controlPlane)),
    putStatus: (...asked) => passTime(world.timeline, vault.putStatus(...asked)),
    within: () => timed,
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
  const timed: Signer = {
    verificationKey: () => passTime(world.timeline, signer.verificationKey()),
    sign: (message) => passTime(world.timeline, signer.sign(message)),
    within: () => timed,
  };
  return timed;
});

function makeQueue(timeline: Timeline): FifoQueue {
  return new FifoQueue({
    nowMs: () => timeline.nowMs,
    delaySeconds: 0,
    visibilitySeconds: 150,
    maxReceiveCount: 10,
  });
}

exportQueueContract('the queue of the simulation', async () => {
  const { timeline } = makeWorld().world;
  const fifo = makeQueue(timeline);
  let count = 0;
  return {
    queue: { putBack: async (delayed) => fifo.putBack(delayed) },
    async send(body) {
      count += 1;
      fifo.send(body, String(count));
    },
    receive: async () => fifo.receive(),
    remove: async (messages) => fifo.remove(messages),
    async advance(milliseconds) {
      await timeline.runUntil(timeline.nowMs + milliseconds, () => false);
    },
  };
});

exportRequestsContract('queues of the simulation', async () => {
  const { world, machine } = makeWorld();
  const queues = new Map(['prod', 'test'].map((name) => [name, makeQueue(world.timeline)]));
  const find = (name: string): FifoQueue => {
    const queue = queues.get(name);
    if (queue === undefined) {
      throw new RangeError(`there is no queue ${name}`);
    }
    return queue;
  };
  const requests = sqsExportRequests(simulatedSqs(world, machine, find), (name) => name, 2);
  return {
    requests: { request: (name, at) => passTime(world.timeline, requests.request(name, at)) },
    commands: async (name) =>
      find(name)
        .receive()
        .map(({ body }) => parseExportCommand(body)),
  };
});

hookSecretsContract('secrets of the simulation', async () => {
  const { world, machine } = makeWorld();
  const { timeline } = world;
  const values = new Map<string, readonly string[]>();
  const secrets = secretsManagerHookSecrets({
    secretsManager: simulatedSecretsManager(
      world,
      machine,
      (name, stage) => values.get(name)?.[stage === 'AWSCURRENT' ? 0 : 1],
    ),
    secretIdOf: (name) => name,
    reportOddity: () => undefined,
    clock: machine.clock,
  });
  return {
    secrets: {
      secretsFor: (name, afterMismatch) => passTime(timeline, secrets.secretsFor(name, afterMismatch)),
    },
    async rotate(name, value) {
      values.set(name, [value, ...(values.get(name) ?? [])]);
    },
    async advance() {
      await timeline.runUntil(timeline.nowMs + 60_000, () => false);
    },
  };
});

outputFileContract('that of the simulation', async () => {
  const { world, machine } = makeWorld();
  const disk: Disk = { file: undefined };
  const openOutput = simulatedOutput(world, machine, disk);
  const pass = <Result>(work: Promise<Result>) => passTime(world.timeline, work);
  return {
    async open() {
      const file = await pass(openOutput());
      return {
        write: (piece) => pass(file.write(piece)),
        complete: () => pass(file.complete()),
        abandon: () => file.abandon(),
      };
    },
    read: async () => disk.file && Buffer.from(disk.file).toString('utf8'),
  };
});

clockContract('that of a process of the simulation', () => {
  const { timeline } = makeWorld().world;
  const { clock } = new Machine(timeline, 'sleeper');
  return {
    clock,
    async pass(milliseconds) {
      await timeline.runUntil(timeline.nowMs + milliseconds, () => false);
    },
  };
});
