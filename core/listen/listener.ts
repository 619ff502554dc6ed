import type { Clock } from '../clock.ts';
import { ignoreErrors } from '../ignore-errors.ts';
import type { Bell } from '../intake/bell.ts';
import type { ClusterConnection } from '../kong/cluster-connection.ts';
import type { RandomSource } from '../random-source.ts';
import { attend } from './attend.ts';
import type { ListenerEvent } from './listener-event.ts';
import { ListeningTime } from './listening-time.ts';
import { type Manner, Manners } from './manners.ts';
import { Ringer } from './ringer.ts';

export interface ListenerParts {
  /** `host:port`, for messages. */
  readonly endpoint: string;
  /** Full versions of the data planes as which the listener may come. */
  readonly dataPlaneVersions: readonly string[];
  /**
   * Connects as a data plane. A frame is read as its hash, or as nothing where it has none.
   *
   * @throws ControlPlaneError, or what the certificate's secret throws
   */
  readonly connect: (manner: Manner, signal: AbortSignal) => Promise<ClusterConnection>;
  readonly bell: Bell;
  readonly report: (event: ListenerEvent) => void;
  /** Is told about once a minute for how many of the last seconds the listener has listened. */
  readonly measure: (listeningSeconds: number) => void;
  readonly clock: Clock;
  readonly random: RandomSource;
}

/**
 * Listens to a control plane until the time has come. It never fails: it tells what goes wrong, and tries
 * again.
 */
export type Listener = (until: Date) => Promise<void>;

const measuredEveryMs = 60_000;
const firstPauseMs = 2_000;
const longestPauseMs = 30_000;

/**
 * A listener, whose runs follow one another. It stays connected as a data plane, and rings whenever a
 * configuration comes that nobody was rung for (docs/design.md#15-a-listener-rings-too).
 */
export function listener(parts: ListenerParts): Listener {
  const ringer = new Ringer(parts.bell, parts.clock);
  const manners = new Manners(parts.dataPlaneVersions);
  return async (until) => {
    const leftMs = until.getTime() - parts.clock.now().getTime();
    if (leftMs <= 0) {
      return;
    }
    const over = parts.clock.deadline(leftMs);
    const time = new ListeningTime(parts.clock);
    await Promise.all([
      measureRegularly(parts, time, over),
      stayConnected({ ...parts, ringer, manners, time }, over),
    ]);
    const rest = time.takeSeconds();
    if (rest > 0) {
      parts.measure(rest);
    }
  };
}

interface RunParts extends ListenerParts {
  readonly ringer: Ringer;
  readonly manners: Manners;
  readonly time: ListeningTime;
}

async function stayConnected(parts: RunParts, over: AbortSignal): Promise<void> {
  const { clock, random, manners, report } = parts;
  let pauseMs = firstPauseMs;
  const told = new Set<string>();
  while (!over.aborted) {
    const manner = manners.current;
    let isServed = false;
    try {
      await attend(parts, await parts.connect(manner, over), over, () => {
        isServed = true;
        told.clear();
        pauseMs = firstPauseMs;
        report({ what: 'listening', manner });
      });
    } catch (error) {
      if (over.aborted) {
        return;
      }
      if (!isServed) {
        manners.nextAfter(error);
      }
      // Tries that fail for the same reason are one line in the log, whatever times and sizes it has.
      const reason = String(error).replaceAll(/\d+/g, '');
      if (!told.has(reason)) {
        told.add(reason);
        report({ what: 'not listening', error });
      }
    }
    await ignoreErrors(clock.sleep(pauseMs * (0.5 + random.next() / 2), over));
    pauseMs = Math.min(longestPauseMs, 2 * pauseMs);
  }
}

/** A run lasts for many minutes, and its alarm must not wait for its end. */
async function measureRegularly(
  { clock, measure }: ListenerParts,
  time: ListeningTime,
  over: AbortSignal,
): Promise<void> {
  while (!over.aborted) {
    await ignoreErrors(clock.sleep(measuredEveryMs, over));
    if (!over.aborted) {
      measure(time.takeSeconds());
    }
  }
}
