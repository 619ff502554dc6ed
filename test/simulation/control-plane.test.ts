import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { clusterEndpointControlPlane } from '../../core/kong/cluster-endpoint.ts';
import type { ControlPlane } from '../../core/kong/control-plane.ts';
import { makeThreadWorkSynchronous } from '../../simulation/engine/synchronous.ts';
import { simulatedConnect } from '../../simulation/ports/cluster.ts';
import { ControlPlaneWorld } from '../../simulation/world/control-plane.ts';
import { controlPlaneContract } from '../core/kong/control-plane-contract.ts';
import { makeWorld, passTime } from './pass-time.ts';

let undo = (): void => undefined;
beforeAll(() => {
  // Else time would pass while a thread inflates a frame.
  undo = makeThreadWorkSynchronous();
});
afterAll(() => undo());

function makeControlPlane() {
  const { world, machine } = makeWorld();
  const { timeline, random } = world;
  const kong = new ControlPlaneWorld({ name: 'prod', timeline, random, nodes: 1 });
  const reader = clusterEndpointControlPlane({
    endpoint: 'prod.example:8005',
    mtls: 'shared',
    certificate: async () => ({ certificate: '', key: '' }),
    nodeSeed: 'test',
    customPlugins: [],
    settle: { settleSeconds: 7, clockToleranceSeconds: 1 },
    clock: machine.clock,
    connect: simulatedConnect(world, machine, kong),
  });
  const controlPlane: ControlPlane = {
    visit() {
      const visit = reader.visit();
      return {
        configuration: (request) => passTime(timeline, visit.configuration(request)),
        end: () => passTime(timeline, visit.end()),
      };
    },
  };
  return { timeline, machine, kong, controlPlane };
}

controlPlaneContract('that of the simulation', async () => {
  const { kong, machine, controlPlane } = makeControlPlane();
  return {
    controlPlane,
    addConsumer: async (username) =>
      kong.setContent({ ...kong.content, id: `prod-${username}`, consumers: [username] }),
    stop: async () => kong.stop(0),
    now: () => machine.clock.now(),
  };
});

describe('a control plane of the simulation whose frames trickle', () => {
  it('keeps its reader waiting until the reader ends it', async () => {
    const { timeline, machine, kong, controlPlane } = makeControlPlane();
    kong.setTrickling(0, true);
    const beganMs = timeline.nowMs;

    const reading = controlPlane
      .visit()
      .configuration({ dataPlaneVersion: '3.9.1', signal: machine.clock.deadline(110_000) });

    await expect(reading).rejects.toMatchObject({ code: 'cancelled' });
    expect(timeline.nowMs - beganMs).toBe(110_000);
  });

  it('gives its frame when the way is free again', async () => {
    const { timeline, kong, controlPlane } = makeControlPlane();
    kong.setTrickling(0, true);
    timeline.plan(60_000, 'the way is free', () => kong.setTrickling(0, false));

    const { configHash } = await controlPlane.visit().configuration({ dataPlaneVersion: '3.9.1' });

    expect(configHash).toBe(kong.contentHash);
  });
});
