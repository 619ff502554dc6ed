import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KMSClient } from '@aws-sdk/client-kms';
import { grants } from '../../core/access/grant.ts';
import { s3Presigner } from '../../core/access/presigned-url.ts';
import { s3FileVersions } from '../../core/access/s3-file-versions.ts';
import type { Clock } from '../../core/clock.ts';
import { kmsSigner } from '../../core/vault/kms-signer.ts';
import type { VerificationKey } from '../../core/vault/signer.ts';
import { grantCall } from '../../lambdas/grant-event.ts';
import { jsonAnswer, problemAnswer } from '../../lambdas/http-answer.ts';
import { type HttpApi, startHttpApi } from '../../simulators/aws/api-gateway.ts';
import { type LocalAws, startLocalAws } from '../../simulators/aws/local-aws.ts';
import type { ClusterCertificates } from '../../simulators/kong/control-plane/certificates.ts';
import { startControlPlane } from '../../simulators/kong/control-plane/control-plane.ts';
import { Faults } from '../faults.ts';
import { coalescingWindowSeconds, functionTimeoutMs } from '../world/world.ts';
import { clientThrough, type Deployed } from './containers.ts';
import { type FastClock, speed } from './fast-clock.ts';
import { type Gate, openGate } from './gate.ts';
import { controlPlane, dataPlaneVersions } from './scenario.ts';

/** Everything outside Lifeboat's code that a cell over HTTP needs. */
export interface Deployment extends Deployed {
  readonly aws: LocalAws;
  readonly directory: string;
  readonly hookSecret: string;
  readonly trusted: readonly VerificationKey[];
  /** What the data plane has of the network: the API and the vault's files. */
  readonly dataPlaneGate: Gate;
  stop(): Promise<void>;
}

const region = 'eu-central-1';
const accountId = '000000000000';
const bucket = 'vault';
const hookSecret = 'the secret of the hook';

/** What a control plane waits for a ping (docs/kong.md#the-cluster-endpoint). */
const pingWaitSeconds = 45;

/** Starts the services and a control plane, on a fast clock. */
export async function deployCell(certificates: ClusterCertificates, clock: FastClock): Promise<Deployment> {
  const now = () => clock.now();
  const faults = new Faults();
  const directory = await mkdtemp(join(tmpdir(), 'lifeboat-faults-'));
  const aws = await startLocalAws({ dataDirectory: directory, region, accountId, now });
  const kong = await startControlPlane({
    mtls: 'shared',
    certificates,
    dbUpdateFrequencySeconds: 1 / speed,
    pingWaitSeconds: pingWaitSeconds / speed,
    message: ({ timestamp, ...message }) => ({
      ...message,
      timestamp: clock.at(Number(timestamp) * 1000) / 1000,
    }),
  });
  const identity = aws.identities.issue(`arn:aws:iam::${accountId}:role/lifeboat`);
  const encryptionKeyArn = aws.kms.createKey('encryption', 'SYMMETRIC_DEFAULT');
  const signingKeyArn = aws.kms.createKey('signing', 'ECC_NIST_P256');
  aws.s3.createBucket(bucket, { defaultKeyId: encryptionKeyArn });
  aws.sqs.createQueue('dead-letters.fifo');
  const queue = aws.sqs.createQueue(`${controlPlane}.fifo`, {
    delaySeconds: coalescingWindowSeconds + 1,
    visibilityTimeoutSeconds: functionTimeoutMs / 1000 + 30,
    redrive: { deadLetterQueue: 'dead-letters.fifo', maxReceiveCount: 10 },
  });
  const api = await startHttpApi({ region, accountId, identities: aws.identities, now });
  const upstreams = {
    s3: aws.endpoints.AWS_ENDPOINT_URL_S3,
    kms: aws.endpoints.AWS_ENDPOINT_URL_KMS,
    sqs: aws.endpoints.AWS_ENDPOINT_URL_SQS,
    secretsmanager: aws.endpoints.AWS_ENDPOINT_URL_SECRETS_MANAGER,
    'execute-api': api.url,
  };
  const dataPlaneGate = await openGate({ upstreams, faults, clock });
  serveGrants(api, dataPlaneGate, { clock, identity });
  const kms = new KMSClient(clientThrough({ region, identity, clock }, upstreams.kms));
  const trusted = [await kmsSigner(kms, signingKeyArn).verificationKey()];
  kms.destroy();
  return {
    aws,
    kong,
    faults,
    clock,
    directory,
    region,
    identity,
    bucket,
    encryptionKeyArn,
    signingKeyArn,
    queueUrl: queue.url,
    hookSecret,
    hookSecretArn: aws.secretsManager.createSecret('hook', hookSecret),
    upstreams,
    trusted,
    dataPlaneGate,
    async stop() {
      await Promise.all([dataPlaneGate.close(), api.stop(), kong.stop(), aws.stop()]);
      await rm(directory, { recursive: true });
    },
  };
}

/** The presign function (lambdas/presign.ts), whose URLs lead through the data plane's gate. */
function serveGrants(
  api: HttpApi,
  gate: Gate,
  { clock, identity }: { readonly clock: Clock; readonly identity: Deployed['identity'] },
): void {
  const presign = s3Presigner({
    bucket,
    region,
    urlSuffix: 'amazonaws.com',
    credentials: identity,
    endpoint: gate.url,
  });
  const grant = grants({
    controlPlane,
    dataPlaneVersions,
    lifetimeSeconds: 120,
    presign,
    findVersion: s3FileVersions(presign, clock),
    clock,
  });
  api.createRoute({
    key: 'GET /control-planes/{controlPlane}/fallback-config',
    authorization: 'AWS_IAM',
    function: {
      arn: `arn:aws:lambda:${region}:${accountId}:function:presign`,
      async invoke(event) {
        const answer = await grant(grantCall(event).asked);
        return 'status' in answer ? problemAnswer(answer) : jsonAnswer(200, answer);
      },
    },
  });
  api.createStage({ throttles: new Map(), log: () => undefined, logFormat: '' });
}
