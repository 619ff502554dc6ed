/** What this commit publishes and grants: core's code against a small AWS and a simulated control plane. */
import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KMSClient } from '@aws-sdk/client-kms';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { certificateFingerprint } from '../../core/access/cluster-trust.ts';
import { grants } from '../../core/access/grant.ts';
import { grantsByAssertion } from '../../core/access/grant-by-assertion.ts';
import { s3Presigner } from '../../core/access/presigned-url.ts';
import { s3FileVersions } from '../../core/access/s3-file-versions.ts';
import { assertionVerifier } from '../../core/access/verify-assertion.ts';
import { systemClock } from '../../core/clock.ts';
import { runExport } from '../../core/export/export-run.ts';
import { clusterEndpointControlPlane } from '../../core/kong/cluster-endpoint.ts';
import { systemRandom } from '../../core/random-source.ts';
import type { ConfigVault } from '../../core/vault/config-vault.ts';
import { kmsSigner } from '../../core/vault/kms-signer.ts';
import { s3ConfigVault } from '../../core/vault/s3-config-vault.ts';
import type { Signer, VerificationKey } from '../../core/vault/signer.ts';
import { startLocalAws } from '../../simulators/aws/local-aws.ts';
import { type ControlPlane, startControlPlane } from '../../simulators/kong/control-plane/control-plane.ts';

export const controlPlaneName = 'prod';
export const dataPlaneVersion = '3.9.1';
const region = 'eu-central-1';
const accountId = '000000000000';
const bucket = 'vault';

function exportOnce(
  controlPlane: ControlPlane,
  vault: ConfigVault,
  signer: Signer,
  retiredKeys: readonly VerificationKey[],
) {
  return runExport(
    {
      name: controlPlaneName,
      controlPlane: clusterEndpointControlPlane({
        endpoint: controlPlane.clusterEndpoint,
        mtls: 'shared',
        certificate: async () => controlPlane.certificates,
        nodeSeed: controlPlaneName,
        customPlugins: [],
        settle: { settleSeconds: 6, clockToleranceSeconds: 1 },
        clock: systemClock,
      }),
      vault,
      signer,
      retiredKeys,
      dataPlaneVersions: [dataPlaneVersion],
      scheduleMinutes: 5,
      clock: systemClock,
      random: systemRandom,
    },
    [{ command: 'export', version: 1, cause: 'schedule', at: new Date() }],
  );
}

/** Starts the simulators; nothing is published yet. */
export async function startPublishing() {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'lifeboat-released-'));
  const aws = await startLocalAws({ dataDirectory, region, accountId });
  const controlPlane = await startControlPlane({ mtls: 'shared' });
  const encryptionKeyArn = aws.kms.createKey('encryption', 'SYMMETRIC_DEFAULT');
  const signingKeyArn = aws.kms.createKey('signing', 'ECC_NIST_P256');
  aws.s3.createBucket(bucket, { defaultKeyId: encryptionKeyArn });
  const credentials = aws.identities.issue(`arn:aws:iam::${accountId}:role/lifeboat`);
  const kmsEndpoint = aws.endpoints.AWS_ENDPOINT_URL_KMS;
  const s3Endpoint = aws.endpoints.AWS_ENDPOINT_URL_S3;
  const s3 = new S3Client({
    region,
    credentials,
    endpoint: s3Endpoint,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  const kms = new KMSClient({ region, credentials, endpoint: kmsEndpoint });
  const vault = s3ConfigVault({ s3, bucket, encryptionKeyArn });
  const signer = kmsSigner(kms, signingKeyArn);
  const certificate = new X509Certificate(controlPlane.certificates.certificate);

  const presign = s3Presigner({
    bucket,
    region,
    urlSuffix: 'amazonaws.com',
    credentials,
    endpoint: s3Endpoint,
  });
  const grant = grants({
    controlPlane: controlPlaneName,
    dataPlaneVersions: [dataPlaneVersion],
    presign,
    findVersion: s3FileVersions(presign, systemClock),
    lifetimeSeconds: 120,
    clock: systemClock,
  });
  return {
    controlPlane,
    s3,
    bucket,
    vault,
    signer,
    grant,
    grantByAssertion: grantsByAssertion({
      verify: assertionVerifier({
        controlPlane: controlPlaneName,
        trust: { certificates: [certificateFingerprint(certificate)], authorities: [], commonNames: [] },
        clock: systemClock,
      }),
      grant,
    }),
    /** One export, as the schedule asks for it. */
    publish: (retiredKeys: readonly VerificationKey[] = []) =>
      exportOnce(controlPlane, vault, signer, retiredKeys),
    publicKeyPem: async () =>
      (await signer.verificationKey()).key.export({ format: 'pem', type: 'spki' }).toString(),
    /** An object's bytes as they are stored, and its user metadata. */
    async readObject(key: string) {
      const { Body, Metadata = {} } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      return { bytes: Buffer.from((await Body?.transformToByteArray()) ?? []), metadata: Metadata };
    },
    /** Settings of a command line that may ask KMS for the key. */
    publicKeyCommand: {
      parameters: ['public-key', '--key-id', signingKeyArn],
      env: {
        AWS_REGION: region,
        AWS_ENDPOINT_URL_KMS: kmsEndpoint,
        AWS_ACCESS_KEY_ID: credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
        AWS_SESSION_TOKEN: credentials.sessionToken,
      },
    },
    async stop() {
      await Promise.all([controlPlane.stop(), aws.stop()]);
      await rm(dataDirectory, { recursive: true });
    },
  };
}
