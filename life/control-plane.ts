/** The control plane of a life: a simulated one of this machine, where functions can reach it. */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { type Subject, simulatedControlPlane } from '../local/rehearsal/subject.ts';
import { controlPlaneAddress } from './emulator/gaps.ts';
import { LifeError } from './failure.ts';

export interface ReachableControlPlane {
  readonly subject: Subject;
  /** `host:port` by which the emulator's functions reach it. */
  readonly clusterEndpoint: string;
  stop(): Promise<void>;
}

/**
 * Starts a simulated control plane, and answers for it at the address that functions use.
 *
 * @throws LifeError `unplayable` when this machine has no such address
 */
export async function startReachableControlPlane(version: string): Promise<ReachableControlPlane> {
  const subject = await simulatedControlPlane(version);
  const port = Number(subject.clusterEndpoint.split(':')[1]);
  const relay = createServer((from) => {
    const to = connect(port, '127.0.0.1');
    from.pipe(to).pipe(from);
    from.on('error', () => to.destroy());
    to.on('error', () => from.destroy());
  });
  const stop = async () => {
    relay.close();
    await subject.simulator?.takeDown();
  };
  try {
    relay.listen(port, controlPlaneAddress);
    await once(relay, 'listening');
  } catch (error) {
    await stop();
    throw new LifeError(
      'unplayable',
      `nothing can listen at ${controlPlaneAddress} on this machine (${error instanceof Error ? error.message : String(error)}). On macOS: sudo ifconfig lo0 alias ${controlPlaneAddress}`,
      { cause: error },
    );
  }
  return { subject, clusterEndpoint: `${controlPlaneAddress}:${port}`, stop };
}
