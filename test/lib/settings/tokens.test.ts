import { describe, expect, it } from '@jest/globals';
import { Fn, Stack } from 'aws-cdk-lib';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import { parseSettings } from '../../../lib/settings/settings.ts';
import { newApp } from '../app.ts';
import { failure } from '../deployment.ts';

const env = { account: '111122223333', region: 'eu-central-1' };
const suffix = 'secret:kong/cluster-AbCdEf';
const said = (deployment: object, controlPlane: object = {}) =>
  failure(() =>
    parseSettings({
      controlPlanes: {
        prod: { clusterEndpoint: 'a.example.com:8005', dataPlaneVersions: ['3.9.1'], ...controlPlane },
      },
      ...deployment,
    }),
  );

describe('a setting that CDK knows only in part', () => {
  const stacks = [
    ['whose account is known', () => new Stack(newApp(), 'Known', { env })],
    ['that could be anywhere', () => new Stack(newApp(), 'Anywhere')],
  ] as const;

  it.each(stacks)('is taken, of a stack %s', (_what, make) => {
    const stack = make();
    const arns = [
      `arn:${stack.partition}:secretsmanager:${stack.region}:${stack.account}:${suffix}`,
      new secretsmanager.Secret(stack, 'Secret').secretArn,
      Fn.importValue('another-stack'),
      `arn:aws:secretsmanager:eu-central-1:111122223333:secret:${Fn.ref('Name')}`,
    ];

    expect(arns.map((arn) => said({}, { clusterCertificateSecretArn: arn }))).toEqual(
      arns.map(() => 'no failure'),
    );
    const encryptionKeyArn = new kms.Key(stack, 'Key').keyArn;
    expect(said({ encryptionKeyArn, vaultMadeWith: { encryptionKeyArn } })).toBe('no failure');
  });

  it.each(stacks)('is refused where what is known is wrong, of a stack %s', (_what, make) => {
    const stack = make();
    const byName = secretsmanager.Secret.fromSecretNameV2(stack, 'ByName', 'kong/cluster').secretArn;

    for (const setting of ['clusterCertificateSecretArn', 'eventHookSecretArn']) {
      expect(said({}, { [setting]: byName })).toContain('the complete ARN of a secret is expected');
    }
    expect(
      said({ encryptionKeyArn: stack.formatArn({ service: 'kms', resource: 'alias', resourceName: 'a' }) }),
    ).toContain('not of an alias');
  });

  it('has no password in it, whoever knows it', () => {
    const stack = new Stack(newApp(), 'Stack');
    const proxyServer = `http://svc:${Fn.ref('Password')}@proxy.example.com:3128`;

    expect(said({}, { proxyServer: `http://${stack.region}.proxy.example.com:3128` })).toBe('no failure');
    expect(said({}, { proxyServer })).toContain('it has a user or a password in it');
  });
});
