import type { Clock } from '../clock.ts';
import type { ClusterConnection } from './cluster-connection.ts';
import type { PluginVersions } from './control-plane.ts';
import { ControlPlaneError } from './errors.ts';

/** A connection, and how the plugins were announced on it. */
export interface AnnouncedConnection {
  readonly connection: ClusterConnection;
  readonly pluginVersions: PluginVersions;
}

export interface FirstFrameRequest {
  readonly endpoint: string;
  readonly dataPlaneVersion: string;
  /** How the plugins are announced first. @default named */
  readonly pluginVersions?: PluginVersions | undefined;
  readonly firstFrameTimeoutMs?: number | undefined;
  readonly namedVersionsTimeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly open: (pluginVersions: PluginVersions) => Promise<AnnouncedConnection>;
  readonly clock: Clock;
}

export interface FirstFrame extends AnnouncedConnection {
  readonly frame: Uint8Array;
}

// A frame that comes at 6.5 kB/s is slow. Below that it stands still.
const stallTimeoutMs = 10_000;
const progressBytes = 64 * 1024;

/**
 * Connects and waits for the first frame. A control plane that sends none may have another version of a
 * plugin than we have named; so a second connection without any version is opened beside the first
 * (docs/kong.md#the-cluster-endpoint).
 *
 * @throws ControlPlaneError when no configuration comes
 */
export async function awaitFirstFrame(request: FirstFrameRequest): Promise<FirstFrame> {
  const { pluginVersions = 'named', signal, open } = request;
  const { firstFrameTimeoutMs = 20_000, namedVersionsTimeoutMs = 5_000 } = request;
  const first = await open(pluginVersions);
  if (pluginVersions === 'omitted') {
    return awaitAny([first], firstFrameTimeoutMs, request);
  }
  const frame = await nextFrameInTime(first.connection, namedVersionsTimeoutMs, signal);
  if (frame === 'lost') {
    throw first.connection.whyLost();
  }
  if (frame !== 'nothing') {
    return { ...first, frame };
  }
  return awaitAny([first, await open('omitted')], firstFrameTimeoutMs, request);
}

/** The next frame. A frame that is under way when the time is over is waited for, as long as it comes on. */
export async function nextFrameInTime(
  connection: ClusterConnection,
  waitMs: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array | 'nothing' | 'lost'> {
  let frame = await connection.nextFrame(waitMs, signal);
  for (let before = 0; frame === 'nothing'; ) {
    const { bytes } = connection.silence();
    if (bytes - before < progressBytes) {
      return 'nothing';
    }
    before = bytes;
    frame = await connection.nextFrame(stallTimeoutMs, signal);
  }
  return frame;
}

/** The first frame that comes on one of the connections. */
async function awaitAny(
  connections: readonly AnnouncedConnection[],
  timeoutMs: number,
  request: FirstFrameRequest,
): Promise<FirstFrame> {
  const { signal, clock } = request;
  const waiting = new Map(connections.map((each) => [each, 0]));
  let lost: ControlPlaneError | undefined;
  let over = clock.deadline(timeoutMs, signal);
  while (waiting.size > 0) {
    await Promise.race([...waiting.keys()].map(({ connection }) => connection.arrival(over)));
    for (const each of waiting.keys()) {
      const frame = await each.connection.nextFrame(0, signal);
      if (frame === 'lost') {
        lost ??= each.connection.whyLost();
        waiting.delete(each);
      } else if (frame !== 'nothing') {
        return { ...each, frame };
      }
    }
    if (over.aborted) {
      const progress = [...waiting].map(([each, before]) => {
        const { bytes } = each.connection.silence();
        waiting.set(each, bytes);
        return bytes - before;
      });
      if (Math.max(0, ...progress) < progressBytes) {
        break;
      }
      over = clock.deadline(stallTimeoutMs, signal);
    }
  }
  throw lost ?? noConfiguration(request, timeoutMs);
}

function noConfiguration(
  { endpoint, dataPlaneVersion, pluginVersions = 'named', namedVersionsTimeoutMs = 5_000 }: FirstFrameRequest,
  timeoutMs: number,
): ControlPlaneError {
  const waitedMs = timeoutMs + (pluginVersions === 'named' ? namedVersionsTimeoutMs : 0);
  return new ControlPlaneError(
    'no-configuration',
    `control plane ${endpoint} let data plane version ${dataPlaneVersion} in and sent no configuration within ${waitedMs / 1000} s. ` +
      'Its log says why, in a line with "unable to send updated configuration to data plane": a plugin "is missing from data ' +
      'plane" (name it in the setting customPlugins, also one of Kong’s own), a data plane "is missing one or more wasm filters" (name ' +
      'them in wasmFilters), or it "does not support mixed mode route" (take that version out of dataPlaneVersions). With "unable to ' +
      'send initial configuration" its database is down. Without any such line its export took longer',
  );
}
