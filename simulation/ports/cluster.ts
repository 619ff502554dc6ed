import type { ClusterConnection, connectToCluster } from '../../core/kong/cluster-connection.ts';
import { ControlPlaneError } from '../../core/kong/errors.ts';
import { type CallWorld, makeCall } from '../engine/call.ts';
import type { Machine } from '../engine/machine.ts';
import { type ControlPlaneNode, type ControlPlaneWorld, makeFrame } from '../world/control-plane.ts';

const cancelled = () => new ControlPlaneError('cancelled', 'the export ended while it waited');

/** As the shipped one has it (core/kong/cluster-connection.ts). */
const defaultConnectTimeoutMs = 10_000;

/** Just enough not to be taken for a standstill (core/kong/first-frame.ts). */
const trickledBytesPerMs = 8;

/** The way into a control plane: a connection to whichever of its nodes answers. */
export function simulatedConnect(
  world: CallWorld,
  machine: Machine,
  controlPlane: ControlPlaneWorld,
): typeof connectToCluster {
  const { name } = controlPlane;
  const unreachable = () => new ControlPlaneError('unreachable', `${name} is down`);
  return async ({ connectTimeoutMs = defaultConnectTimeoutMs }, { version }, signal) => {
    const node = await makeCall(world, machine, {
      name: 'controlPlane.connect',
      perform() {
        const answering = controlPlane.answeringNode();
        if (answering === undefined) {
          throw unreachable();
        }
        return answering;
      },
      // A connection that is cut says nothing of a network: so does who refuses a certificate.
      fail: () => new ControlPlaneError('refused', `${name} cut the connection`),
      signal: machine.clock.deadline(connectTimeoutMs, signal),
      aborted: () => (signal?.aborted === true ? cancelled() : unreachable()),
    });
    return new SimulatedConnection({ world, machine, node, controlPlane: name, version });
  };
}

interface ConnectionParts {
  readonly world: CallWorld;
  readonly machine: Machine;
  readonly node: ControlPlaneNode;
  readonly controlPlane: string;
  /** Of the data plane that is connected. */
  readonly version: string;
}

/** A node sends its payload, one frame after another; who waits for one need not wait until it comes. */
class SimulatedConnection implements ClusterConnection {
  readonly #parts: ConnectionParts;
  readonly #leaving = new AbortController();
  readonly #waiting = new Set<() => void>();
  #sent: ControlPlaneNode['payload'];
  #isUnderWay = false;
  #unread: Uint8Array | undefined;
  #hadFrame = false;
  #tricklingSinceMs: number | undefined;
  #isCut = false;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
  }

  arrival(signal: AbortSignal): Promise<void> {
    return this.#waitForNews(undefined, signal);
  }

  async nextFrame(waitMs: number, signal?: AbortSignal): Promise<Uint8Array | 'nothing' | 'lost'> {
    await this.#waitForNews(waitMs, signal);
    if (signal?.aborted === true) {
      throw cancelled();
    }
    const frame = this.#unread;
    this.#unread = undefined;
    return frame ?? (this.#isLost() ? 'lost' : 'nothing');
  }

  whyLost(): ControlPlaneError {
    const { controlPlane } = this.#parts;
    return this.#hadFrame
      ? new ControlPlaneError('dropped', `${controlPlane} ended the connection`)
      : new ControlPlaneError('dropped', `${controlPlane} dropped the connection before a frame had come`);
  }

  dropFrames(): void {
    this.#unread = undefined;
  }

  ping(): void {
    // The export does not.
  }

  silence(): { readonly ms: number; readonly bytes: number } {
    const { timeline } = this.#parts.world;
    const bytes =
      this.#tricklingSinceMs === undefined
        ? 0
        : (timeline.nowMs - this.#tricklingSinceMs) * trickledBytesPerMs;
    return { ms: 0, bytes };
  }

  async leave(): Promise<void> {
    this.#leaving.abort();
  }

  #isLost(): boolean {
    this.#isCut ||= this.#parts.node.isDown;
    return this.#isCut;
  }

  #hasNews(): boolean {
    return this.#unread !== undefined || this.#isLost();
  }

  /** Sends what the node has, unless it was sent, or something else is under way. */
  #send(): void {
    const { world, machine, node, controlPlane, version } = this.#parts;
    const { payload } = node;
    const isNews = payload !== undefined && payload !== this.#sent;
    if (!isNews || this.#isUnderWay || this.#isLost() || !machine.isAlive || this.#leaving.signal.aborted) {
      return;
    }
    if (node.isTrickling) {
      this.#tricklingSinceMs ??= world.timeline.nowMs;
      return;
    }
    this.#tricklingSinceMs = undefined;
    this.#sent = payload;
    this.#isUnderWay = true;
    makeCall(world, machine, {
      name: 'controlPlane.frame',
      perform: () => makeFrame(payload, controlPlane, version),
      fail: () => this.whyLost(),
      signal: this.#leaving.signal,
    }).then(
      (frame) => {
        this.#isUnderWay = false;
        this.#unread = frame;
        this.#hadFrame = true;
        this.#tell();
      },
      () => {
        this.#isCut = true;
        this.#tell();
      },
    );
  }

  #tell(): void {
    for (const look of [...this.#waiting]) {
      look();
    }
  }

  /** Waits until a frame has come, or the node is gone, or the time is over, or the signal aborts. */
  #waitForNews(waitMs: number | undefined, signal: AbortSignal | undefined): Promise<void> {
    this.#send();
    if (this.#hasNews()) {
      return Promise.resolve();
    }
    const { machine, node } = this.#parts;
    return new Promise((resolve) => {
      const end = () => {
        cancel();
        node.listeners.delete(look);
        this.#waiting.delete(look);
        signal?.removeEventListener('abort', end);
        resolve();
      };
      const look = () => {
        this.#send();
        if (this.#hasNews()) {
          end();
        }
      };
      const cancel =
        waitMs === undefined ? () => undefined : machine.plan(waitMs, 'has waited for a frame', end);
      node.listeners.add(look);
      this.#waiting.add(look);
      if (signal?.aborted === true) {
        end();
      } else {
        signal?.addEventListener('abort', end, { once: true });
      }
    });
  }
}
