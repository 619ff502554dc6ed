import type { Clock } from '../../core/clock.ts';
import { type FileSource, vaultFileSource } from '../../core/fetch/download.ts';
import { fetchConfig } from '../../core/fetch/fetch-config.ts';
import { endpointGrantSource, type GrantSource } from '../../core/fetch/grant-source.ts';
import { Machine } from '../engine/machine.ts';
import type { ArmedFault } from '../faults.ts';
import { type Disk, simulatedOutput } from '../ports/disk.ts';
import { simulatedFetch } from '../ports/http.ts';
import { readOrigin } from '../world/control-plane.ts';
import { ExportService } from '../world/export-service.ts';
import { HookService } from '../world/hook-service.ts';
import { type Unit, World, type WorldOptions } from '../world/world.ts';
import {
  type BatchView,
  type CellSystem,
  controlPlane,
  dataPlaneVersions,
  type FetchView,
  fetchPace,
  hookPatienceMs,
  patienceMs,
  readCode,
  type VaultView,
  viewBatch,
  viewVault,
} from './scenario.ts';

/** The model's side: the shipped code among the simulation's services. */
export class SimulatedSystem implements CellSystem {
  readonly batches: BatchView[] = [];
  readonly #world: World;
  readonly #unit: Unit;
  readonly #exports: ExportService;
  readonly #hooks: HookService;
  readonly #hashes = new Map<string, string>();
  readonly #disk: Disk = { file: undefined };
  #armed: readonly ArmedFault[] = [];

  constructor(keys: WorldOptions['keys']) {
    this.#world = new World({ seed: 1, keys });
    this.#unit = this.#world.unit(controlPlane);
    // The one over HTTP has one node.
    this.#unit.controlPlane.stop(1);
    this.#exports = new ExportService(this.#world, this.#unit, () => undefined);
    this.#hooks = new HookService(this.#world);
    this.#hashes.set(this.#unit.controlPlane.contentHash, 'the first');
    this.#world.onBatch = ({ report, measured }) =>
      this.batches.push(viewBatch(report?.versions ?? [], measured));
  }

  arm(faults: readonly ArmedFault[]): void {
    this.#armed = faults;
    for (const fault of faults) {
      this.#world.faults.arm(fault);
    }
  }

  isSpent(): boolean {
    return this.#world.faults.reached.size === this.#armed.length;
  }

  async startCold(): Promise<void> {
    this.#exports.kill();
    this.#hooks.kill();
  }

  async ringSchedule(): Promise<void> {
    const at = new Date(this.#world.timeline.nowMs).toISOString();
    this.#unit.queue.send(JSON.stringify({ command: 'export', version: 1, cause: 'schedule', at }), at);
  }

  async change(): Promise<string> {
    this.#unit.controlPlane.change();
    this.#buildForNextClient();
    this.#hashes.set(this.#unit.controlPlane.contentHash, 'the second');
    const readAnswer = () => [...this.#world.outcomes.keys()].find((name) => name.startsWith('hook '));
    this.#hooks.deliver(controlPlane);
    await this.#pass(hookPatienceMs, () => readAnswer() !== undefined);
    return readAnswer() ?? 'hook not answered';
  }

  /** With no client connected a control plane exports when one comes: some seconds after the change. */
  #buildForNextClient(): void {
    const { content, nodes, served } = this.#unit.controlPlane;
    for (const node of nodes) {
      node.cancelRebuild();
      node.payload = { content, builtMs: this.#world.timeline.nowMs + 4_000 };
    }
    served.set(content.id, content);
  }

  waitUntilIdle(): Promise<void> {
    return this.#pass(patienceMs, () => this.#unit.queue.nextMs() === undefined);
  }

  readVault(): Promise<VaultView> {
    const { bucket, signingKey } = this.#world;
    const files = dataPlaneVersions.map((kongVersion) => {
      const key = `${controlPlane}/${kongVersion}/config.json`;
      const manifest = bucket.current(key)?.metadata['manifest'];
      return { kongVersion, manifest, count: bucket.versions(key).length };
    });
    const status = bucket.current(`status/${controlPlane}.json`)?.body;
    return viewVault(
      files,
      status === undefined ? undefined : Buffer.from(status).toString('utf8'),
      [signingKey.verification],
      (hash) => this.#hashes.get(hash) ?? 'another configuration',
    );
  }

  async fetch(): Promise<FetchView> {
    const { grants, files, clock } = this.#makeDataPlane();
    let outcome: string | undefined;
    void fetchConfig({ grants: [grants], files, clock, random: this.#world.random }, fetchPace).then(
      ({ manifest: { revision, kongVersion } }) => {
        outcome = `revision ${revision} for ${kongVersion}`;
      },
      (error: unknown) => {
        outcome = `failed (${readCode(error)})`;
      },
    );
    await this.#pass(patienceMs, () => outcome !== undefined);
    const { file } = this.#disk;
    const contentId = file === undefined ? undefined : readOrigin(file)?.contentId;
    return {
      outcome: outcome ?? 'not ended',
      file: contentId === undefined ? 'nothing' : contentId === 'prod-0' ? 'the first' : 'the second',
    };
  }

  async stop(): Promise<void> {
    // Nothing of it runs by itself.
  }

  #makeDataPlane(): { readonly grants: GrantSource; readonly files: FileSource; readonly clock: Clock } {
    const world = this.#world;
    const machine = new Machine(world.timeline, 'data plane');
    const { clock } = machine;
    const settings = { controlPlane, kongVersion: dataPlaneVersions[0], clock, random: world.random };
    const fetch = simulatedFetch(world, machine, {
      controlPlane,
      lifetimeSeconds: 120,
      clock,
      bucket: world.bucket,
      findVersions: () => dataPlaneVersions,
      observe: () => undefined,
    });
    const grants = endpointGrantSource(
      {
        endpoint: new URL('https://api.example'),
        authenticate: async () => ({
          by: 'iam',
          region: 'eu-central-1',
          credentials: { accessKeyId: 'AKIA', secretAccessKey: 'secret' },
        }),
      },
      { ...settings, timeoutMs: 10_000, fetch },
    );
    const files = vaultFileSource({
      ...settings,
      trusted: [world.signingKey.verification],
      output: '/var/lib/lifeboat/config.json',
      maxBytes: 2 ** 30,
      timeoutMs: 60_000,
      fetch,
      openOutput: simulatedOutput(world, machine, this.#disk),
    });
    return { grants, files, clock };
  }

  async #pass(limitMs: number, isOver: () => boolean): Promise<void> {
    const { timeline } = this.#world;
    if (!isOver()) {
      await timeline.runUntil(timeline.nowMs + limitMs, isOver);
    }
  }
}
