import { afterEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../core/clock.ts';
import { clusterListener } from '../../../core/listen/cluster-listener.ts';
import {
  type ControlPlane,
  startControlPlane,
} from '../../../simulators/kong/control-plane/control-plane.ts';

let controlPlane: ControlPlane;
afterEach(() => controlPlane.stop());

describe('the connection of a listener', () => {
  it('gets the configuration of a control plane on which a wasm filter is configured as a plugin', async () => {
    const name = 'response_transformer';
    controlPlane = await startControlPlane({
      mtls: 'shared',
      wasmFilters: [name],
      configuration: { plugins: [{ id: '5a3d4c2b-1f0e-4d6c-8b7a-99887766554a', name, config: '' }] },
    });
    const connect = clusterListener({
      endpoint: controlPlane.clusterEndpoint,
      mtls: 'shared',
      certificate: async () => controlPlane.certificates,
      nodeSeed: 'test',
      customPlugins: [],
      wasmFilters: [name],
      clock: systemClock,
    });

    const connection = await connect(
      { version: '3.9.1', pluginVersions: 'named' },
      AbortSignal.timeout(10_000),
    );
    const frame = await connection.nextFrame(5_000);
    await connection.leave();

    expect(frame).toBeInstanceOf(Uint8Array);
    expect(controlPlane.log.filter((line) => line.includes('missing'))).toEqual([]);
  });
});
