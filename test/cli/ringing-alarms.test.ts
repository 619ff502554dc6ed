/** Alarms of more than one page, and of more than one stack. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AwsAccess } from '../../cli/aws-access.ts';
import type { Deployment } from '../../cli/deployment.ts';
import { findRingingAlarms } from '../../cli/inspection/alarms.ts';
import { clientFor, runLocalAws } from '../simulators/aws/running-local-aws.ts';

describe('the alarms of a stack that ring', () => {
  let aws: Awaited<ReturnType<typeof runLocalAws>>;
  const nameOf = (number: number) => `Lifeboat prod: Alarm ${String(number).padStart(3, '0')}`;

  beforeAll(async () => {
    aws = await runLocalAws();
    const names = Array.from({ length: 120 }, (_, number) => nameOf(number));
    for (const name of [
      ...names,
      'Lifeboat prod: Nothing verified',
      'LifeboatReplica: Grants failing',
      'Lifeboat-Other prod: Held',
      'Lifeboat: Quiet',
    ]) {
      aws.cloudWatch.putAlarm({
        name,
        kind: name.endsWith('verified') ? 'composite' : 'metric',
        description: 'Act now. https://runbook.example/#x',
        actions: [],
      });
      aws.cloudWatch.setState(name, name.endsWith('Quiet') ? 'OK' : 'ALARM');
    }
  });
  afterAll(() => aws.stop());

  it('are read to the last page, and no other stack’s are taken', async () => {
    const sdk = clientFor(aws, aws.endpoints.AWS_ENDPOINT_URL_CLOUDWATCH);

    const found = await findRingingAlarms(
      { stackName: 'Lifeboat', part: '', region: 'eu-central-1' } as Deployment,
      { sdk } as unknown as AwsAccess,
    );

    const ringing = 'ringing' in found ? found.ringing : [];
    expect(ringing).toHaveLength(121);
    expect(ringing.at(-1)).toEqual({
      name: 'Lifeboat prod: Nothing verified',
      controlPlane: 'prod',
      heading: 'Nothing verified',
      since: expect.any(Date),
      runbook: 'https://runbook.example/#x',
    });
  });
});
