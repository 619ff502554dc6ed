import { createHash } from 'node:crypto';
import type { ProcessLook, ProcessState } from '../../core/standby/seed-ports.ts';
import type { ObservedCache } from '../../core/standby/stale-cache.ts';
import { noConfiguration } from '../../core/standby/status.ts';
import type { Machine } from '../engine/machine.ts';
import type { SeededRandom } from '../engine/random.ts';
import type { Timeline } from '../engine/timeline.ts';
import type { Disk } from '../ports/disk.ts';

export interface KongOptions {
  readonly timeline: Timeline;
  readonly random: SeededRandom;
  readonly machine: Machine;
  readonly disk: Disk;
  readonly version: string;
  /** What the control plane would send now; undefined while it is away. */
  readonly askControlPlane: () => string | undefined;
  /** Of a cache from before the node's start. @default it has none */
  readonly cacheAgeMs?: number | undefined;
  /** Of one that neither crashes nor takes its time: until it answers, at most. @default none is sure */
  readonly answersWithinMs?: number | undefined;
  /** Told each file that it loads. */
  readonly onLoaded: (file: Uint8Array) => void;
}

interface Work {
  readonly id: string;
  readonly fromMs: number;
  readonly untilMs: number;
}

const reconnectMs = 5_000;
/** nginx's and Kong's own, without a file. */
const initMs = 400;

/**
 * A Kong data plane, as its processes are seen: a master that parses, workers that load, and a start that
 * writes the settings anew (docs/kong.md#seeding).
 */
export class SimulatedKong {
  isAnswering = false;
  hash = noConfiguration;
  cache: ObservedCache | undefined;
  /** `declarative_config` is in its settings. */
  hasLine = false;
  /** Shows a sync version instead of a hash, of which the first one looks like nothing. */
  readonly isIncremental: boolean;
  connectedSinceMs: number | undefined;
  hasControlPlanes = false;
  /** MD5 of files that it has refused. */
  readonly refused = new Set<string>();
  readonly #options: KongOptions;
  readonly #parseMs: number;
  readonly #loadMs: number;
  readonly #refusesFirst: boolean;
  #pid = 0;
  #workers: readonly string[] = [];
  #works: Work[] = [];

  constructor(options: KongOptions) {
    const { random, machine, version, answersWithinMs } = options;
    this.#options = options;
    const isMoody = answersWithinMs === undefined;
    // Older Kongs do not know it.
    this.isIncremental = isMoody && version === '3.9.1' && random.happens(0.4);
    const isSlow = isMoody && random.happens(0.2);
    this.#parseMs = isSlow
      ? random.pickNumber(10_000, 45_000)
      : random.pickNumber(100, isMoody ? 4_000 : 101);
    this.#loadMs = isSlow ? random.pickNumber(5_000, 25_000) : random.pickNumber(50, isMoody ? 2_500 : 51);
    this.#refusesFirst = isMoody && random.happens(0.05);
    if (isMoody && random.happens(0.25)) {
      machine.plan(random.pickNumber(5_000, 40_000), 'Kong is killed', () => this.#crash());
    }
    this.#start(options.cacheAgeMs);
  }

  get master(): { readonly pid: number; readonly startedAt: string } {
    return { pid: this.#pid, startedAt: String(this.#pid) };
  }

  look(pid: number): ProcessLook {
    if (pid !== this.#pid) {
      return 'gone';
    }
    return { master: this.#stateOf('master'), children: this.#workers.map((id) => this.#stateOf(id)) };
  }

  /** SIGHUP. */
  reload(pid: number): void {
    const { timeline } = this.#options;
    const busyUntilMs = Math.max(
      0,
      ...this.#works.filter(({ id }) => id === 'master').map((work) => work.untilMs),
    );
    this.#later(pid, Math.max(0, busyUntilMs - timeline.nowMs), 'Kong reads its settings', () =>
      this.#read(pid),
    );
  }

  #read(pid: number): void {
    const file = this.hasLine ? this.#options.disk.file : undefined;
    const md5 = file === undefined ? undefined : createHash('md5').update(file).digest('hex');
    const parseMs = initMs + (file === undefined ? 0 : this.#parseMs);
    this.#work('master', parseMs);
    if (md5 !== undefined && this.#refusesFirst && this.refused.size === 0) {
      this.#later(pid, parseMs, 'Kong refuses the file', () => this.refused.add(md5));
      return;
    }
    this.#later(pid, parseMs, 'Kong starts workers', () => {
      const worker = `worker at ${this.#options.timeline.nowMs}`;
      this.#workers = [worker];
      if (file !== undefined && md5 !== undefined && !this.refused.has(md5)) {
        this.#work(worker, this.#loadMs);
        this.#later(pid, this.#loadMs, 'Kong has loaded the file', () => {
          this.hash = md5;
          this.cache = undefined;
          this.#options.onLoaded(file);
        });
      }
    });
  }

  #start(cacheAgeMs: number | undefined): void {
    const { random, timeline, answersWithinMs } = this.#options;
    const [least, most] = answersWithinMs === undefined ? [500, 3_000] : [0, answersWithinMs];
    this.#pid += 1;
    const pid = this.#pid;
    this.#works = [];
    this.#workers = [`worker of ${pid}`];
    // `kong start` writes the settings.
    this.hasLine = false;
    this.#later(pid, random.pickNumber(least, most), 'Kong answers', () => {
      this.isAnswering = true;
      if (cacheAgeMs !== undefined) {
        this.hash = 'c'.repeat(32);
        const writtenMs = timeline.nowMs - cacheAgeMs;
        this.cache = { hash: this.hash, writtenMs, isSilent: true };
      }
      this.#later(pid, random.pickNumber(100, 2_000), 'Kong tries its control plane', () =>
        this.#connect(pid),
      );
    });
  }

  #crash(): void {
    this.isAnswering = false;
    this.connectedSinceMs = undefined;
    const { machine, random } = this.#options;
    this.#pid += 1;
    machine.plan(random.pickNumber(300, 5_000), 'Kong is started again', () => this.#start(undefined));
  }

  /** Tries every 5 s, and sees as late that the control plane has gone. */
  #connect(pid: number): void {
    const { timeline, askControlPlane } = this.#options;
    const sent = askControlPlane();
    if (sent === undefined) {
      this.connectedSinceMs = undefined;
    } else {
      this.connectedSinceMs ??= timeline.nowMs;
      this.hasControlPlanes = true;
      this.hash = this.isIncremental && this.hash === noConfiguration ? noConfiguration : sent;
      this.cache = undefined;
    }
    if (sent === undefined || this.isIncremental) {
      this.#later(pid, reconnectMs, 'Kong tries its control plane', () => this.#connect(pid));
    }
  }

  #later(pid: number, delayMs: number, name: string, run: () => void): void {
    this.#options.machine.plan(delayMs, name, () => {
      if (pid === this.#pid) {
        run();
      }
    });
  }

  #work(id: string, forMs: number): void {
    const fromMs = this.#options.timeline.nowMs;
    this.#works.push({ id, fromMs, untilMs: fromMs + forMs });
  }

  #stateOf(id: string): ProcessState {
    const { nowMs } = this.#options.timeline;
    const own = this.#works.filter((work) => work.id === id);
    const cpuMs = own.reduce((sum, { fromMs, untilMs }) => sum + Math.min(nowMs, untilMs) - fromMs, 0);
    return { id, cpuMs, isBusy: own.some(({ untilMs }) => untilMs > nowMs) };
  }
}
