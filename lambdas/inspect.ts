import { KMSClient } from '@aws-sdk/client-kms';
import { S3Client } from '@aws-sdk/client-s3';
import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { systemClock } from '../core/clock.ts';
import { inspections } from '../core/inspect/inspection.ts';
import { connectPatiently } from '../core/patient-connections.ts';
import { kmsSigner } from '../core/vault/kms-signer.ts';
import { s3ConfigVault } from '../core/vault/s3-config-vault.ts';
import { verificationKey } from '../core/vault/signer.ts';
import { fileCalls, shortCalls } from './call-limits.ts';
import { inspectEnvironment } from './environment/inspect.ts';
import { unpackPublicKey } from './environment/public-keys.ts';
import { readEnvironment } from './environment/read-environment.ts';
import { jsonAnswer, problemAnswer } from './http-answer.ts';
import { inOurWords } from './in-our-words.ts';
import { inspectionCall } from './inspect-event.ts';
import { logInspection } from './inspect-log.ts';

connectPatiently();
const environment = readEnvironment(inspectEnvironment, process.env);
const kms = new KMSClient(shortCalls);

const answer = inspections({
  name: environment.CONTROL_PLANE,
  dataPlaneVersions: environment.DATA_PLANE_VERSIONS,
  vault: s3ConfigVault({
    s3: new S3Client({
      ...fileCalls,
      // What is read is compared with what is signed.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    }),
    bucket: environment.BUCKET,
    encryptionKeyArn: environment.ENCRYPTION_KEY_ARN,
  }),
  signer: kmsSigner(kms, environment.SIGNING_KEY_ARN),
  furtherKeys: environment.FURTHER_SIGNING_KEY_ARNS.map((keyArn) => kmsSigner(kms, keyArn)),
  retiredKeys: await Promise.all(
    environment.RETIRED_SIGNING_KEYS.map((packed) => verificationKey(unpackPublicKey(packed))),
  ),
  clock: systemClock,
});

/**
 * Answers what people ask about a control plane's files, whom IAM has let in. It reads and decrypts; its role
 * can write nothing and sign nothing.
 */
export const handler = inOurWords(async (event: unknown): Promise<APIGatewayProxyStructuredResultV2> => {
  const call = inspectionCall(event);
  const answered = await answer(call.parameters);
  logInspection(environment.CONTROL_PLANE, call, answered);
  return 'content' in answered.answer
    ? jsonAnswer(200, answered.answer.content)
    : problemAnswer(answered.answer);
});
