import type { Clock } from '../clock.ts';
import type { ClusterConnection, Silence } from '../kong/cluster-connection.ts';
import { ControlPlaneError } from '../kong/errors.ts';
import type { ListenerEvent } from './listener-event.ts';
import type { ListeningTime } from './listening-time.ts';
import type { Ringer } from './ringer.ts';

export interface AttendParts {
  readonly endpoint: string;
  readonly ringer: Ringer;
  readonly time: ListeningTime;
  readonly report: (event: ListenerEvent) => void;
  readonly clock: Clock;
}

// As data planes do it: one ping in 30 s, and no patience beyond 45 s without an answer
// (kong/clustering/data_plane.lua). The control plane has no more patience with us.
const pingEveryMs = 30_000;
const longestSilenceMs = 45_000;
const firstFrameMs = 20_000;
/** A frame may take as long as its bytes need at this pace, as in an export (core/kong/first-frame.ts). */
const slowestBytesPerMs = 6.5;
// What a data plane pings with before it has a configuration.
const noHash = '0'.repeat(32);

/**
 * Attends to one connection: pings, and rings for what comes, until the time is over.
 *
 * @param onServed is called with the first frame
 * @throws ControlPlaneError when the control plane sends nothing, or the connection is lost
 */
export async function attend(
  parts: AttendParts,
  connection: ClusterConnection,
  over: AbortSignal,
  onServed: () => void,
): Promise<void> {
  const { ringer, time, clock } = parts;
  const openedMs = clock.monotonicMs();
  let isServed = false;
  let hash = noHash;
  // Where nothing comes there is no reason to be listed as a node.
  let pingAtMs = openedMs + pingEveryMs;
  try {
    for (;;) {
      const nowMs = clock.monotonicMs();
      if (nowMs >= pingAtMs) {
        connection.ping(hash);
        pingAtMs = nowMs + pingEveryMs;
      }
      await ringIfDue(parts);
      const patienceMs = isServed
        ? patienceWith(parts.endpoint, connection.silence())
        : patienceForFirstFrame(parts.endpoint, clock.monotonicMs() - openedMs, connection.silence());
      const waitMs = Math.min(patienceMs, ringer.dueInMs(), Math.max(0, pingAtMs - clock.monotonicMs()));
      const frame = await connection.nextFrame(waitMs, over);
      if (frame === 'lost') {
        const cause = connection.whyLost();
        if (cause.code === 'too-large') {
          // It is news: the export says which limit it is over, and an alarm follows.
          ringer.takeUnreadable();
          await ringIfDue(parts);
          throw cause;
        }
        throw isServed ? lostAgain(parts.endpoint, cause) : cause;
      }
      if (frame !== 'nothing') {
        const configHash = readDigest(frame);
        ringer.take(configHash);
        // The control plane's list of nodes shows what a node has pinged with.
        hash = configHash ?? hash;
        pingAtMs = clock.monotonicMs();
        if (!isServed) {
          isServed = true;
          time.start();
          onServed();
        }
      }
    }
  } finally {
    time.stop();
    await connection.leave();
  }
}

function readDigest(frame: Uint8Array): string | undefined {
  return frame.length === 0 ? undefined : Buffer.from(frame).toString('latin1');
}

/** A bell that cannot be rung does not end the connection: it is rung again. */
async function ringIfDue({ ringer, report }: AttendParts): Promise<void> {
  if (ringer.dueInMs() > 0) {
    return;
  }
  try {
    const ring = await ringer.ring();
    if (ring !== undefined) {
      report({ what: 'rung', configHash: ring.configHash });
    }
  } catch (error) {
    report({ what: 'not rung', error });
  }
}

/**
 * How long to wait on for the first frame.
 *
 * @throws ControlPlaneError when that is over
 */
function patienceForFirstFrame(endpoint: string, waitedMs: number, { bytes }: Silence): number {
  const patienceMs = Math.floor(firstFrameMs + bytes / slowestBytesPerMs - waitedMs);
  if (patienceMs > 0) {
    return patienceMs;
  }
  const seconds = Math.round(waitedMs / 1000);
  throw bytes > 0
    ? tooSlow(endpoint, seconds, bytes)
    : new ControlPlaneError(
        'no-configuration',
        `control plane ${endpoint} let the listener in and sent no configuration within ${seconds} s. Its log says why: look for ` +
          '"unable to send". Perhaps a plugin is missing in the setting customPlugins or a filter in wasmFilters, or its database is ' +
          'down',
      );
}

/**
 * How long to wait on for a sign of life.
 *
 * @throws ControlPlaneError when that is over
 */
function patienceWith(endpoint: string, { ms, bytes }: Silence): number {
  const patienceMs = Math.floor(longestSilenceMs + bytes / slowestBytesPerMs - ms);
  if (patienceMs > 0) {
    return patienceMs;
  }
  const seconds = Math.round(ms / 1000);
  throw bytes > 0
    ? tooSlow(endpoint, seconds, bytes)
    : new ControlPlaneError(
        'dropped',
        `control plane ${endpoint} did not answer the listener's pings for ${seconds} s: it hangs, or something between drops the ` +
          'connection without a word. The listener connects again',
      );
}

function tooSlow(endpoint: string, seconds: number, bytes: number): ControlPlaneError {
  return new ControlPlaneError(
    'dropped',
    `control plane ${endpoint} sent the listener only ${bytes} bytes in ${seconds} s: check its load and the network between. The ` +
      'listener connects again',
  );
}

function lostAgain(endpoint: string, cause: ControlPlaneError): ControlPlaneError {
  return new ControlPlaneError(
    cause.code,
    `control plane ${endpoint} ended the listener's connection. The listener connects again`,
    { cause },
  );
}
