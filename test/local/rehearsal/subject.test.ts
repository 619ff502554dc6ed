import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { realControlPlane, type Subject, simulatedControlPlane } from '../../../local/rehearsal/subject.ts';

let directory: string;
let pem: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lifeboat-subject-'));
  pem = join(directory, 'cluster.pem');
  await writeFile(pem, '-----BEGIN CERTIFICATE-----\n');
});

afterAll(async () => {
  await rm(directory, { recursive: true });
});

describe('a real control plane', () => {
  const given = () => ({
    clusterEndpoint: 'cp.example:8005',
    clusterCert: pem,
    clusterCertKey: pem,
    customPlugins: ['acme-audit'],
    wasmFilters: ['acme-filter'],
  });

  it('is one of shared mode without a CA', async () => {
    const subject = await realControlPlane(given());

    expect(subject).toMatchObject({
      clusterEndpoint: 'cp.example:8005',
      mtls: 'shared',
      dataPlaneVersion: '3.9.1',
      customPlugins: ['acme-audit'],
      wasmFilters: ['acme-filter'],
      certificate: { certificate: '-----BEGIN CERTIFICATE-----\n' },
    });
    expect(subject.simulator).toBeUndefined();
  });

  it('is one of PKI mode with a CA, under the name and version that were given', async () => {
    const subject = await realControlPlane({
      ...given(),
      clusterCa: pem,
      clusterServerName: 'cp.internal',
      dataPlaneVersion: '3.8.1',
    });

    expect(subject).toMatchObject({
      mtls: 'pki',
      serverName: 'cp.internal',
      dataPlaneVersion: '3.8.1',
      certificate: { ca: '-----BEGIN CERTIFICATE-----\n' },
    });
  });

  it.each([
    ['clusterCert', '--cluster-cert'],
    ['clusterCertKey', '--cluster-cert-key'],
    ['clusterCa', '--cluster-ca'],
  ])('says which file is wrong: %s', async (name, option) => {
    const withFile = (file: string) => realControlPlane({ ...given(), [name]: file });

    await expect(withFile(join(directory, 'none.pem'))).rejects.toThrow(
      new RegExp(`^${option} \\S+none\\.pem cannot be read \\(ENOENT`),
    );
    await expect(withFile('package.json')).rejects.toThrow(`${option} package.json is no PEM file`);
  });
});

describe('the simulated control plane', () => {
  let subject: Subject | undefined;

  afterEach(async () => {
    await subject?.simulator?.takeDown();
  });

  it('is changed through its Admin API, and says what it refuses', async () => {
    subject = await simulatedControlPlane('3.8.1');
    const { simulator } = subject;
    const service = { name: 'rehearsal', url: 'http://127.0.0.1:1' };

    const answeredAt = await simulator?.create('services', service);

    expect(answeredAt?.getTime()).toBeLessThanOrEqual(Date.now());
    expect(simulator?.served().upToDate).toBe(false);
    await expect(simulator?.create('services', service)).rejects.toThrow(
      /^the control plane answered 409 to POST \/services: \S/,
    );
  });

  it('can be taken down more than once', async () => {
    subject = await simulatedControlPlane();
    const { simulator } = subject;

    await Promise.all([simulator?.takeDown(), simulator?.takeDown()]);
    await simulator?.takeDown();

    await expect(fetch(simulator?.adminUrl ?? '')).rejects.toThrow();
  });
});
