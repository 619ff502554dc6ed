import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type LocalSystem, startLocalSystem } from '../../local/local-system.ts';
import { describeSimulated, localTemplate } from '../../local/local-template.ts';
import { openVaultView, type VaultView } from '../../local/rehearsal/vault-view.ts';
import { type ControlPlane, startControlPlane } from '../../simulators/kong/control-plane/control-plane.ts';
import { eventually } from './processes.ts';

let directory: string;
let controlPlane: ControlPlane;
let system: LocalSystem;
let vault: VaultView;

/** What the listener has logged so far. */
const logged = async () => readFile(join(system.logDirectory, 'listen.log'), 'utf8');
const served = () =>
  vault.until('what is served', ({ configHash }) => configHash === controlPlane.builtHash());

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lifeboat-listening-'));
  controlPlane = await startControlPlane({ mtls: 'shared', dbUpdateFrequencySeconds: 0.2 });
  const subject = describeSimulated(controlPlane, 'prod');
  system = await startLocalSystem({
    template: localTemplate({ controlPlane: subject, dataPlaneVersions: ['3.9.1'], listen: true }),
    controlPlane: subject,
    dataDirectory: directory,
  });
  vault = await openVaultView(system, 'prod', '3.9.1');
}, 60_000);
afterAll(async () => {
  await system.stop();
  await controlPlane.stop();
  await rm(directory, { recursive: true });
});

// Neither a hook nor the schedule rings in this file.
describe('a local system that listens', () => {
  it('publishes what it finds', async () => {
    const manifest = await served();

    expect(manifest.revision).toBe(1);
  });

  it('publishes a change, and takes the frame that the listener has heard', async () => {
    controlPlane.configuration.create('consumers', { username: 'listened' });
    const before = await vault.current();

    const manifest = await vault.until('the change', ({ configHash }) => configHash !== before?.configHash);

    expect(manifest.configHash).toBe(controlPlane.builtHash());
    expect(await logged()).toContain(`"configHash":"${controlPlane.builtHash()}"`);
  });

  it('is one node for the control plane, which pings with the hash that it has', async () => {
    await eventually(() => controlPlane.connectedNodes().length === 1, 10);

    const response = await fetch(`${controlPlane.adminUrl}/clustering/data-planes`);
    const { data } = (await response.json()) as { readonly data: readonly object[] };

    expect(data).toEqual([
      expect.objectContaining({
        hostname: 'lifeboat-listener',
        config_hash: controlPlane.builtHash(),
        sync_status: 'normal',
      }),
    ]);
  });

  it('listens again after a restart of the control plane, and publishes what was changed meanwhile', async () => {
    const { certificates, ports } = controlPlane;
    const before = controlPlane.builtHash();
    await controlPlane.stop();
    controlPlane = await startControlPlane({
      mtls: 'shared',
      certificates: { controlPlane: certificates, dataPlane: certificates },
      ports,
      dbUpdateFrequencySeconds: 0.2,
    });

    const manifest = await served();

    // The change that the test before this one made is not in the new control plane.
    expect(manifest.configHash).not.toBe(before);
    expect(await logged()).toContain("ended the listener's connection");
  });

  it('has done nothing that a policy refused, and logs no secret', async () => {
    expect(system.refusals()).toEqual([]);
    expect(await logged()).not.toContain('PRIVATE KEY');
  });
});
