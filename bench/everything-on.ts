/** The largest deployment: each setting that adds something is on, and each name is as long as it may be. */

import { generateKeyPairSync } from 'node:crypto';
import { parseSettings, type ReplicaSettings, type Settings } from '../lib/settings/settings.ts';
import { exampleCertificate } from '../policy/example-certificate.ts';

/** Of each control plane: the longest there may be. They are part of policies and environments. */
export const controlPlaneNameCharacters = 40;
/** Up to three roles in all may read files themselves. */
const fileReaders = 3;
const region = 'us-east-1';
const secondRegion = 'us-west-2';
export const regions = { first: region, second: secondRegion };

const roleArn = (name: string) => `arn:aws:iam::111122223333:role/${name}`;
const domainIn = (place: string, name: string) => ({
  name,
  certificateArn: `arn:aws:acm:${place}:111122223333:certificate/0`,
  hostedZoneId: 'Z0123456789ABCDEFGHIJ',
});
const network = {
  vpcId: 'vpc-0000000a',
  availabilityZones: [`${region}a`, `${region}b`],
  subnetIds: ['subnet-0000000a', 'subnet-0000000b'],
  securityGroupIds: ['sg-0000000a'],
};

function newPublicKey(): string {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return publicKey.export({ type: 'spki', format: 'pem' }).toString();
}

/** All control planes are private and share one network, whose endpoints the first one asks for. */
export function turnEverythingOn(
  controlPlanes: number,
  nameCharacters: number = controlPlaneNameCharacters,
): Settings {
  return parseSettings({
    controlPlanes: Object.fromEntries(
      Array.from({ length: controlPlanes }, (_, index) => [
        `${index}-`.padEnd(nameCharacters, 'x'),
        {
          // Each has its own: two listeners at one control plane are refused.
          clusterEndpoint: `kong-cp-${index}.internal.example.com:8005`,
          clusterMtls: 'pki',
          clusterServerName: 'kong-cp.internal.example.com',
          dataPlaneVersions: Array.from({ length: 10 }, (__, patch) => `3.9.${patch}`),
          customPlugins: ['my-plugin'],
          wasmFilters: ['my-filter'],
          proxyServer: 'http://proxy.internal.example.com:3128',
          proxySecretArn: `arn:aws:secretsmanager:${region}:111122223333:secret:proxy-AbCdEf`,
          listen: true,
          guard: { minimumEntities: 1_000_000, maximumLossPercent: 100 },
          readerRoleTrust: ['444455556666'],
          operatorRoleArns: [roleArn('operator')],
          fileReaderRoleArns: index < fileReaders ? [roleArn(`reader-${index}`)] : [],
          vpc:
            index === 0
              ? { ...network, endpoints: { routeTableIds: ['rtb-0000000a', 'rtb-0000000b'] } }
              : network,
        },
      ]),
    ),
    dataPlaneAuth: { iam: true, clusterCertificate: { certificates: [exampleCertificate] } },
    objectLockDays: 30,
    vaultMadeWith: { objectLock: true },
    alarmTopicArn: `arn:aws:sns:${region}:111122223333:on-call`,
    previousEncryptionKeyArns: [1, 2, 3].map(
      (digit) => `arn:aws:kms:${region}:111122223333:key/${digit}1234567-89ab-cdef-0123-456789abcdef`,
    ),
    signingKeys: ['first', 'second'],
    retiredSigningKeys: Array.from({ length: 5 }, newPublicKey),
    tags: { team: 'gateway' },
    permissionsBoundaryArn: 'arn:aws:iam::111122223333:policy/boundary',
    reservedConcurrency: { webhook: 5, presign: 80, export: 2, listen: 1 },
    lockdown: { breakGlassRoleArn: roleArn('break-glass'), deploymentRoleArn: roleArn('deployment') },
    domain: domainIn(region, 'lifeboat.example.com'),
    dataEvents: true,
    ipv6: true,
  });
}

/** The same for the second region. */
export const replicaWithEverything: Partial<ReplicaSettings> = {
  domain: { ...domainIn(secondRegion, 'second.example.com'), disableDefaultEndpoint: false },
  alarmTopicArn: `arn:aws:sns:${secondRegion}:111122223333:on-call`,
  timeControl: true,
};
