import type { ClusterConnection, connectToCluster } from '../../core/kong/cluster-connection.ts';
import { ControlPlaneError } from '../../core/kong/errors.ts';
import { type CallWorld, makeCall } from '../engine/call.ts';
import type { Machine } from '../engine/machine.ts';
import { type ControlPlaneNode, type ControlPlaneWorld, makeFrame } from '../world/control-plane.ts';

const cancelled = () => new ControlPlaneError('cancelled', 'the export ended while it waited');

/** The way into a control plane: a connection to whichever of its nodes answers. */
export function simulatedConnect(
  world: CallWorld,
  machine: Machine,
  controlPlane: ControlPlaneWorld,
): typeof connectToCluster {
  const unreachable = () => new ControlPlaneError('unreachable', `${controlPlane.name} is down`);
  return async (_address, { version }, signal): Promise<ClusterConnection> => {
    const node = await makeCall(world, machine, {
      name: 'controlPlane.connect',
      perform() {
        const answering = controlPlane.answeringNode();
        if (answering === undefined) {
          throw unreachable();
        }
        return answering;
      },
      fail: unreachable,
      signal,
      aborted: cancelled,
    });
    let sent: ControlPlaneNode['payload'];
    const hasNews = () => node.isDown || (node.payload !== undefined && node.payload !== sent);
    return {
      async arrival(waitSignal) {
        if (!hasNews()) {
          await waitForNode(machine, node, undefined, waitSignal);
        }
      },
      async nextFrame(waitMs, waitSignal) {
        if (!hasNews()) {
          await waitForNode(machine, node, waitMs, waitSignal);
        }
        if (waitSignal?.aborted === true) {
          throw cancelled();
        }
        const { payload } = node;
        if (node.isDown) {
          return 'lost';
        }
        if (payload === undefined || payload === sent) {
          return 'nothing';
        }
        sent = payload;
        return makeCall(world, machine, {
          name: 'controlPlane.frame',
          perform: () => makeFrame(payload, controlPlane.name, version),
          fail: unreachable,
          signal: waitSignal,
          aborted: cancelled,
        });
      },
      whyLost: unreachable,
      dropFrames: () => undefined,
      ping: () => undefined,
      silence: () => ({ ms: 0, bytes: 0 }),
      leave: async () => undefined,
    };
  };
}

/** Waits until the node has something else to send, or is gone, or the time is over, or the signal aborts. */
function waitForNode(
  machine: Machine,
  node: ControlPlaneNode,
  waitMs: number | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      cancel();
      node.listeners.delete(end);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const cancel =
      waitMs === undefined ? () => undefined : machine.plan(waitMs, 'has waited for a frame', end);
    node.listeners.add(end);
    if (signal?.aborted === true) {
      end();
    } else {
      signal?.addEventListener('abort', end, { once: true });
    }
  });
}
