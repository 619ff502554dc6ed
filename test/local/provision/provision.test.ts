import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startLocalSystem } from '../../../local/local-system.ts';
import { sharedCertificate } from '../../../simulators/kong/control-plane/certificates.ts';

let directory: string;
let count = 0;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lifeboat-provision-'));
});

afterAll(async () => {
  await rm(directory, { recursive: true });
});

/** Deploys one resource. */
async function deploy(Type: string, Properties: Record<string, unknown>) {
  const { certificate, key } = await sharedCertificate();
  return startLocalSystem({
    template: { Resources: { Thing: { Type, Properties } }, Outputs: {} },
    controlPlane: { name: 'prod', certificate: { certificate, key } },
    dataDirectory: join(directory, String(++count)),
  });
}

const schedule = {
  ScheduleExpression: 'rate(5 minutes)',
  FlexibleTimeWindow: { Mode: 'OFF' },
  Target: {
    Arn: 'arn:aws:sqs:eu-central-1:000000000000:q.fifo',
    Input: '{}',
    RoleArn: 'arn:aws:iam::000000000000:role/r',
    SqsParameters: { MessageGroupId: 'g' },
    RetryPolicy: { MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60 },
  },
};

describe('the local system', () => {
  it.each([
    ['a type', 'AWS::SNS::Topic', {}, 'Thing is an AWS::SNS::Topic, which the local system does not know'],
    [
      'a property',
      'AWS::SQS::Queue',
      { FifoQueue: true, KmsMasterKeyId: 'key' },
      'Thing (AWS::SQS::Queue): the property KmsMasterKeyId is not understood by the local system',
    ],
    [
      'a property of a property',
      'AWS::Scheduler::Schedule',
      { ...schedule, Target: { ...schedule.Target, DeadLetterConfig: {} } },
      'the property Target.DeadLetterConfig is not understood',
    ],
    [
      'a value',
      'AWS::Scheduler::Schedule',
      { ...schedule, ScheduleExpression: 'cron(0 * * * ? *)' },
      'the property ScheduleExpression is not what the local system understands (rate(5 minutes) is expected)',
    ],
    ['a queue that is not FIFO', 'AWS::SQS::Queue', {}, 'the property FifoQueue is not what'],
    [
      'a key whose use is not its kind’s',
      'AWS::KMS::Key',
      { KeyPolicy: { Statement: [] }, KeySpec: 'ECC_NIST_P256' },
      'KeyUsage ENCRYPT_DECRYPT is not for a ECC_NIST_P256 key',
    ],
    ['a key that nobody may manage', 'AWS::KMS::Key', { KeyPolicy: { Statement: [] } }, 'kms:PutKeyPolicy'],
  ])('refuses %s that it does not know', async (_what, type, properties, message) => {
    await expect(deploy(type, properties)).rejects.toThrow(message);
  });

  it('takes what only watches', async () => {
    await expect(deploy('AWS::CloudWatch::Dashboard', { Anything: true })).rejects.toThrow(
      'the template has no output',
    );
  });
});
