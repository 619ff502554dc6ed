import { describe, expect, it } from '@jest/globals';
import * as v from 'valibot';
import { webhookEnvironment } from '../../../lambdas/environment/webhook.ts';
import {
  controlPlaneNames,
  deploy,
  environment,
  logRights,
  one,
  rights,
  role,
  twoControlPlanes,
} from '../deployment.ts';

const deployment = deploy(twoControlPlanes);
const lambdaFunction = (...words: readonly string[]) => one(deployment, 'AWS::Lambda::Function', ...words);
const queue = (controlPlane: string) => one(deployment, 'AWS::SQS::Queue', `Export${controlPlane}Queue`);
const secret = (controlPlane: string, name: string) =>
  one(deployment, 'AWS::SecretsManager::Secret', `Export${controlPlane}${name}`);

describe('the webhook function', () => {
  it('may read hook secrets and ask for exports, no more', () => {
    const may = rights(deployment, role(deployment, 'IntakeRole'));

    expect(may).toEqual(
      [
        ...controlPlaneNames.flatMap((controlPlane) => [
          `Allow sqs:SendMessage ${queue(controlPlane).arn}`,
          `Allow secretsmanager:GetSecretValue ${secret(controlPlane, 'HookSecret').arn}`,
          `Allow secretsmanager:DescribeSecret ${secret(controlPlane, 'HookSecret').arn}`,
        ]),
        ...logRights(deployment, 'Intake'),
      ].sort(),
    );
  });

  it('knows queue and secret of each control plane', () => {
    const read = v.parse(webhookEnvironment, environment(lambdaFunction('Intake')));

    expect(read).toEqual({
      CONTROL_PLANES: Object.fromEntries(
        controlPlaneNames.map((controlPlane) => [
          controlPlane,
          {
            queueUrl: environment(lambdaFunction(`Export${controlPlane}`))['QUEUE_URL'],
            secretId: secret(controlPlane, 'HookSecret').arn,
          },
        ]),
      ),
      COALESCING_WINDOW_SECONDS: 3,
      ACCEPT_SHA1: false,
    });
  });
});
