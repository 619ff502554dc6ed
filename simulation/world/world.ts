import type { ExportReport } from '../../core/export/export-run.ts';
import type { ExportMetric } from '../../core/export/measurements.ts';
import type { CallWorld } from '../engine/call.ts';
import { SeededRandom } from '../engine/random.ts';
import { Timeline } from '../engine/timeline.ts';
import { Faults } from '../faults.ts';
import { Bucket } from './bucket.ts';
import { ControlPlaneWorld } from './control-plane.ts';
import type { SigningKey } from './keys.ts';
import { FifoQueue } from './queue.ts';

export interface MeasuredBatch {
  readonly atMs: number;
  readonly controlPlane: string;
  readonly measured: Readonly<Partial<Record<ExportMetric, number>>>;
}

/** What an export function has told of a batch. */
export interface ReportedBatch extends MeasuredBatch {
  /** When the function was called for it. */
  readonly startedMs: number;
  /** Whether a fault has struck one of its calls. */
  readonly hasMetFault: boolean;
  /** What the log has of it; undefined where no message could be read. */
  readonly report: ExportReport | undefined;
  readonly gaveUp: boolean;
}

/** One control plane, and what Lifeboat has for it. */
export interface Unit {
  readonly name: string;
  readonly controlPlane: ControlPlaneWorld;
  readonly queue: FifoQueue;
  /** Full versions of the data planes that files are published for. */
  versions: readonly string[];
  /** What the hook's secret is now, and what it was before. */
  hookSecrets: readonly string[];
}

export interface WorldOptions {
  readonly seed: number;
  /** The first of ours signs, and data planes have pinned all of ours. Nobody trusts the stranger's. */
  readonly keys: { readonly own: readonly SigningKey[]; readonly stranger: SigningKey };
}

/** A history begins then; no rule of Lifeboat's depends on it. */
const startMs = Date.UTC(2026, 0, 1);

export const coalescingWindowSeconds = 1;
export const scheduleMs = 5 * 60 * 1000;
export const functionTimeoutMs = 120_000;
export const webhookTimeoutMs = 10_000;

/** Everything outside Lifeboat's code: services, control planes, and what people and faults do to them. */
export class World implements CallWorld {
  readonly timeline = new Timeline(startMs);
  readonly random: SeededRandom;
  readonly faults = new Faults();
  readonly bucket = new Bucket(() => this.timeline.nowMs);
  readonly units: readonly Unit[];
  readonly keys: WorldOptions['keys'];
  /** The key that signs now. */
  signingKey: SigningKey;
  readonly batches: MeasuredBatch[] = [];
  /** Everything that a log, a metric or an answer has shown. */
  readonly shown: string[] = [];
  readonly outcomes = new Map<string, number>();
  /** Told each batch that an export function has reported. */
  onBatch: (batch: ReportedBatch) => void = () => undefined;
  readonly #lostProcesses = new Set<string>();

  constructor({ seed, keys }: WorldOptions) {
    this.random = new SeededRandom(seed);
    this.keys = keys;
    this.signingKey = keys.own[0] as SigningKey;
    this.units = [this.#makeUnit('prod', 2, ['3.9.1', '3.4.2']), this.#makeUnit('stage', 1, ['3.9.1'])];
  }

  unit(name: string): Unit {
    const unit = this.units.find((each) => each.name === name);
    if (unit === undefined) {
      throw new RangeError(`there is no control plane ${name}`);
    }
    return unit;
  }

  /** An export function has died, or was never answered: what it stored, it could not report. */
  noteLostProcess(controlPlane: string): void {
    this.#lostProcesses.add(controlPlane);
  }

  hasLostProcess(controlPlane: string): boolean {
    return this.#lostProcesses.has(controlPlane);
  }

  count(outcome: string): void {
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
  }

  #makeUnit(name: string, nodes: number, versions: readonly string[]): Unit {
    const { timeline, random } = this;
    return {
      name,
      controlPlane: new ControlPlaneWorld({ name, timeline, random, nodes }),
      queue: new FifoQueue({
        nowMs: () => timeline.nowMs,
        delaySeconds: coalescingWindowSeconds + 1,
        visibilitySeconds: functionTimeoutMs / 1000 + 30,
        maxReceiveCount: 10,
      }),
      versions,
      hookSecrets: [`MARKED-SECRET-${name}-1`],
    };
  }
}
