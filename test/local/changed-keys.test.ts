import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetObjectCommand, HeadObjectCommand, ListObjectVersionsCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { kmsSigner } from '../../core/vault/kms-signer.ts';
import { verifyManifest } from '../../core/vault/manifest.ts';
import { type LocalSystem, startLocalSystem } from '../../local/local-system.ts';
import { describeSimulated, localTemplate } from '../../local/local-template.ts';
import { startLocalAws } from '../../simulators/aws/local-aws.ts';
import { type ControlPlane, startControlPlane } from '../../simulators/kong/control-plane/control-plane.ts';
import { eventually } from './processes.ts';

const key = 'prod/3.9.1/config.json';

let directory: string;
let controlPlane: ControlPlane;
/** Each test's deployment is an update of this one, which has published once. */
let old: {
  readonly dataDirectory: string;
  readonly head: Awaited<ReturnType<typeof head>>;
  readonly signingKeyPem: string;
};
const running: { stop(): Promise<void> }[] = [];
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lifeboat-keys-'));
  controlPlane = await startControlPlane({
    mtls: 'shared',
    dbUpdateFrequencySeconds: 0.2,
    customPlugins: {},
  });
  running.push(controlPlane);
  const dataDirectory = join(directory, 'old');
  const system = await deploy(dataDirectory, {});
  await exportOnce(system, 1);
  const { key: signingKey } = await kmsSigner(system.clients.kms, system.signingKeyArn).verificationKey();
  const signingKeyPem = signingKey.export({ type: 'spki', format: 'pem' }).toString();
  old = { dataDirectory, head: await head(system), signingKeyPem };
  await system.stop();
});
afterAll(async () => {
  await Promise.all(running.map((part) => part.stop()));
  await rm(directory, { recursive: true });
});

/** Deploys on what an earlier deployment has left in the directory, as an update of its stack would. */
async function deploy(
  dataDirectory: string,
  settings: Readonly<Record<string, unknown>>,
): Promise<LocalSystem> {
  const subject = describeSimulated(controlPlane, 'prod');
  const system = await startLocalSystem({
    template: localTemplate({
      controlPlane: subject,
      dataPlaneVersions: ['3.9.1'],
      settings: { minimumIntervalSeconds: 0, ...settings },
    }),
    controlPlane: subject,
    dataDirectory,
  });
  running.push(system);
  return system;
}

async function copyOld(name: string): Promise<string> {
  const copy = join(directory, name);
  await cp(old.dataDirectory, copy, { recursive: true });
  return copy;
}

async function versionsOf({ clients, bucket }: LocalSystem) {
  const { Versions = [] } = await clients.s3.send(
    new ListObjectVersionsCommand({ Bucket: bucket, Prefix: key }),
  );
  return Versions;
}

/** Lets one export run, after which the file must have so many versions. */
async function exportOnce(system: LocalSystem, versionCount: number): Promise<void> {
  const countTold = () =>
    system.measurements().filter(({ functionId }) => functionId.startsWith('Export')).length;
  const before = countTold();
  await system.ringSchedule();
  await eventually(() => countTold() > before);
  const { length } = await versionsOf(system);
  if (length !== versionCount) {
    const log = await readFile(join(system.logDirectory, 'export.log'), 'utf8');
    throw new Error(`there are ${length} versions, not ${versionCount}:\n${log}`);
  }
}

const head = ({ clients, bucket }: LocalSystem) =>
  clients.reader.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));

/** Makes a key as somebody would outside of the stack, and does what else is to be done with keys there. */
async function withKeys<Made>(
  dataDirectory: string,
  work: (kms: Awaited<ReturnType<typeof startLocalAws>>['kms']) => Made,
): Promise<Made> {
  const aws = await startLocalAws({
    dataDirectory: join(dataDirectory, 'aws'),
    region: 'eu-central-1',
    accountId: '000000000000',
  });
  try {
    return work(aws.kms);
  } finally {
    await aws.stop();
  }
}

describe('a vault whose encryption key is changed', () => {
  it.each<[what: string, change: { readonly keepsOld: boolean; readonly disablesOld: boolean }]>([
    ['with the old one among the previous ones', { keepsOld: true, disablesOld: false }],
    ['with the old one closed to Lifeboat', { keepsOld: false, disablesOld: false }],
    ['with the old one disabled', { keepsOld: true, disablesOld: true }],
  ])('%s: the next export publishes the same content under the new one', async (what, change) => {
    const dataDirectory = await copyOld(what);
    const { SSEKMSKeyId: oldKeyArn = '', VersionId } = old.head;
    const newKeyArn = await withKeys(dataDirectory, (kms) => {
      if (change.disablesOld) {
        kms.disable(oldKeyArn);
      }
      return kms.createKey('of the deployer', 'SYMMETRIC_DEFAULT');
    });
    // Other bytes with the same content.
    controlPlane.patchDownConversion((table) => table);

    const changed = await deploy(dataDirectory, {
      encryptionKeyArn: newKeyArn,
      ...(change.keepsOld
        ? { previousEncryptionKeyArns: [oldKeyArn] }
        : { vaultMadeWith: { encryptionKeyArn: newKeyArn } }),
    });
    await exportOnce(changed, 2);
    await exportOnce(changed, 2);

    const { reader } = changed.clients;
    const read = (version: object) =>
      reader.send(new GetObjectCommand({ Bucket: changed.bucket, Key: key, ...version })).then(
        ({ SSEKMSKeyId }) => SSEKMSKeyId,
        ({ name }: Error) => name,
      );
    expect(await read({})).toBe(newKeyArn);
    expect(await read({ VersionId })).toBe(
      change.disablesOld ? 'KMS.DisabledException' : change.keepsOld ? oldKeyArn : 'AccessDenied',
    );
  });
});

describe('a vault whose signing key is changed', () => {
  it.each<[what: string, settings: (oldKey: string) => object, replaced: number]>([
    ['the old one kept in KMS, its revision is ours', () => ({ signingKeys: ['second', 'first'] }), 0],
    [
      'the old one retired, its revision is ours',
      (oldKey) => ({ signingKeys: ['second'], retiredSigningKeys: [oldKey] }),
      0,
    ],
    ['the old one known nowhere, its revision is foreign', () => ({ signingKeys: ['second'] }), 1],
  ])('%s, and the next export signs the same content', async (what, settings, replaced) => {
    const changed = await deploy(await copyOld(what), { ...settings(old.signingKeyPem) });
    await exportOnce(changed, 2);
    await exportOnce(changed, 2);

    const newKey = await kmsSigner(changed.clients.kms, changed.signingKeyArn).verificationKey();
    const { Metadata } = await head(changed);
    expect(await verifyManifest(Metadata?.['manifest'] ?? '', [newKey])).toMatchObject({
      // Where nothing is known to be ours, numbers begin anew: none is taken from what was not verified.
      revision: replaced === 1 ? 1 : 2,
    });
    const counted = changed.measurements().filter(({ name }) => name === 'ManifestReplaced');
    expect(counted.reduce((sum, { value }) => sum + value, 0)).toBe(replaced);
  });
});
