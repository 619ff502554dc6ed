import type { QueuedMessage } from '../../core/export/export-queue.ts';
import { type Exporter, exporter } from '../../core/export/exporter.ts';
import { operatorCommands } from '../../core/export/operator-commands.ts';
import { sqsExportQueue } from '../../core/export/sqs-export-queue.ts';
import { clusterEndpointControlPlane } from '../../core/kong/cluster-endpoint.ts';
import { s3ConfigVault } from '../../core/vault/s3-config-vault.ts';
import { makeCall } from '../engine/call.ts';
import { Machine } from '../engine/machine.ts';
import { simulatedConnect } from '../ports/cluster.ts';
import { simulatedS3 } from '../ports/s3.ts';
import { simulatedSigner, simulatedSqs } from '../ports/services.ts';
import { functionTimeoutMs, type ReportedBatch, scheduleMs, type Unit, type World } from './world.ts';

interface Container {
  readonly machine: Machine;
  readonly exportMessages: Exporter;
  readonly follow: ReturnType<typeof operatorCommands>;
}

const operator = 'arn:aws:iam::111122223333:user/operator';

/** The export function of one control plane, and the event source that calls it. */
export class ExportService {
  readonly #world: World;
  readonly #unit: Unit;
  readonly #onTimeout: (machine: Machine) => void;
  #container: Container | undefined;
  #made = 0;
  #cancelPoll: () => void = () => undefined;

  /** @param onTimeout told the process that is ended because its time is up */
  constructor(world: World, unit: Unit, onTimeout: (machine: Machine) => void) {
    this.#world = world;
    this.#unit = unit;
    this.#onTimeout = onTimeout;
    unit.queue.onChange = () => this.#poll();
  }

  /** The warm container dies; the next call gets another one. */
  kill(): void {
    this.#container?.machine.die();
  }

  /** Another exporter at the same time: by hand, or by a deployment that is being replaced. */
  exportBeside(body: string): void {
    const container = this.#makeContainer();
    // What one of two has stored the other may report first.
    this.#world.noteLostProcess(this.#unit.name);
    const messages = [{ id: 'beside', receipt: 'beside#1', body, receiveCount: 1 }];
    void container.exportMessages(messages, functionTimeoutMs).catch(() => undefined);
  }

  /** An operator's command, in a process of its own beside that of an export. */
  command(name: string, body: object): void {
    const container = this.#makeContainer();
    const call = { command: name, caller: operator, body: Buffer.from(JSON.stringify(body)), requestId: 'r' };
    container
      .follow(call)
      .then(({ answer }) => this.#world.count(`${name} ${answer.status}`))
      .catch((error: unknown) => this.#world.shown.push(String(error)));
  }

  /** Gives the function what is due, and looks again when the next is. */
  #poll(): void {
    this.#cancelPoll();
    const nextMs = this.#unit.queue.nextMs();
    if (nextMs !== undefined) {
      const delayMs = Math.max(50, nextMs - this.#world.timeline.nowMs);
      this.#cancelPoll = this.#world.timeline.plan(delayMs, `${this.#unit.name} event source polls`, () => {
        const messages = this.#unit.queue.receive();
        if (messages.length > 0) {
          this.#invoke(messages);
        }
        this.#poll();
      });
    }
  }

  #invoke(messages: readonly QueuedMessage[]): void {
    if (this.#container?.machine.isAlive !== true) {
      this.#container = this.#makeContainer();
    }
    const { machine, exportMessages } = this.#container;
    const cancelTimeout = machine.plan(functionTimeoutMs, 'function times out', () => {
      this.#onTimeout(machine);
      machine.die();
    });
    const finish = async () => {
      const left = new Set(await exportMessages(messages, functionTimeoutMs));
      const done = messages.filter(({ id }) => !left.has(id));
      cancelTimeout();
      await makeCall(this.#world, machine, {
        name: 'sqs.DeleteMessageBatch',
        perform: () => this.#unit.queue.remove(done),
        fail: () => new Error('the messages were not removed'),
      }).catch(() => undefined);
      this.#poll();
    };
    // A function that fails gives its messages back when their visibility timeout is over.
    finish().catch((error: unknown) => {
      cancelTimeout();
      this.#world.shown.push(String(error));
      this.#poll();
    });
  }

  #makeContainer(): Container {
    const world = this.#world;
    const unit = this.#unit;
    this.#made += 1;
    const machine = new Machine(world.timeline, `export ${unit.name} #${this.#made}`);
    machine.onDeath = () => {
      world.noteLostProcess(unit.name);
      this.#poll();
    };
    const { clock } = machine;
    const vault = s3ConfigVault({
      s3: simulatedS3(world, machine, world.bucket),
      bucket: 'vault',
      encryptionKeyArn: 'arn:aws:kms:eu-central-1:111122223333:key/encryption',
      lock: { days: 0, clock },
    });
    let began = { atMs: world.timeline.nowMs, faultsMet: 0 };
    const parts = {
      name: unit.name,
      controlPlane: clusterEndpointControlPlane({
        endpoint: `${unit.name}.example:8005`,
        mtls: 'shared',
        certificate: async () => ({ certificate: '', key: '' }),
        nodeSeed: unit.name,
        customPlugins: [],
        settle: { settleSeconds: 7, clockToleranceSeconds: 1 },
        clock,
        connect: simulatedConnect(world, machine, unit.controlPlane),
      }),
      vault,
      signer: simulatedSigner(world, machine, () => world.signingKey),
      retiredKeys: world.keys.own.map(({ verification }) => verification),
      dataPlaneVersions: unit.versions,
      scheduleMinutes: scheduleMs / 60_000,
      clock,
      random: world.random,
    };
    const exportBatch = exporter({
      ...parts,
      queue: sqsExportQueue(
        simulatedSqs(world, machine, () => unit.queue),
        unit.name,
      ),
      minimumIntervalSeconds: 5,
      report: ({ report, gaveUp }, measured) =>
        this.#report({
          atMs: world.timeline.nowMs,
          controlPlane: unit.name,
          measured,
          startedMs: began.atMs,
          hasMetFault: machine.faultsMet > began.faultsMet,
          report,
          gaveUp,
        }),
      reportChanges: ({ changes }) => world.count('value' in changes ? 'changes told' : 'changes not told'),
    });
    return {
      machine,
      follow: operatorCommands({
        ...parts,
        operators: [{ arn: operator, commands: undefined }],
        requests: { request: async () => undefined, requestUnnoted: async () => undefined },
      }),
      exportMessages(messages, remainingMs) {
        began = { atMs: world.timeline.nowMs, faultsMet: machine.faultsMet };
        return exportBatch(messages, remainingMs);
      },
    };
  }

  #report(batch: ReportedBatch): void {
    const world = this.#world;
    world.batches.push(batch);
    for (const version of batch.report?.versions ?? []) {
      const error = 'error' in version ? version.error : undefined;
      const why = error === undefined ? '' : ` ${(error as { readonly code?: string }).code ?? 'other'}`;
      world.count(version.outcome === 'held' ? `held ${version.held.reason}` : `${version.outcome}${why}`);
      if (version.early !== undefined) {
        world.count('published early');
      }
      world.shown.push('manifest' in version ? JSON.stringify(version.manifest) : String(error));
    }
    world.onBatch(batch);
    if (batch.gaveUp) {
      world.count('gave up');
    }
  }
}
