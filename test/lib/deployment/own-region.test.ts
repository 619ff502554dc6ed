import { describe, expect, it } from '@jest/globals';
import { Stack } from 'aws-cdk-lib';
import type { LifeboatControlPlaneProps } from '../../../lib/deployment/control-plane-props.ts';
import { Lifeboat } from '../../../lib/deployment/lifeboat.ts';
import type { LifeboatProps } from '../../../lib/deployment/lifeboat-props.ts';
import { newApp } from '../app.ts';
import { annotations, deployWithReplica, twoControlPlanes } from '../deployment.ts';

const account = '111122223333';
const keyIn = (region: string, partition = 'aws') =>
  `arn:${partition}:kms:${region}:${account}:key/01234567-89ab-cdef-0123-456789abcdef`;
const secretIn = (region: string) => `arn:aws:secretsmanager:${region}:${account}:secret:name-AbCdEf`;
const topicIn = (region: string) => `arn:aws:sns:${region}:${account}:on-call`;
const certificateIn = (region: string) => `arn:aws:acm:${region}:${account}:certificate/0`;

/** @returns what synth says is wrong */
function deploy(
  props: Partial<LifeboatProps>,
  region: string | 'not known' = 'eu-central-1',
  unit: Partial<LifeboatControlPlaneProps> = {},
): string {
  const env = region === 'not known' ? {} : { env: { account, region } };
  const stack = new Stack(newApp(), 'Gateway', env);
  const prod = { clusterEndpoint: 'kong-cp.example.com:8005', dataPlaneVersions: ['3.9.1'], ...unit };
  new Lifeboat(stack, 'Lifeboat', { controlPlanes: { prod }, ...props });
  return annotations(stack, 'error').join();
}

const ownKey = (encryptionKeyArn: string) => ({ encryptionKeyArn, vaultMadeWith: { encryptionKeyArn } });

describe('what a setting names by its ARN', () => {
  it.each<[setting: string, props: (region: string) => Partial<LifeboatProps>]>([
    ['alarmTopicArn: the topic', (region) => ({ alarmTopicArn: topicIn(region) })],
    [
      'domain.certificateArn: the certificate',
      (region) => ({ domain: { name: 'lifeboat.example.com', certificateArn: certificateIn(region) } }),
    ],
    ['encryptionKeyArn: the key', (region) => ownKey(keyIn(region))],
    ['previousEncryptionKeyArns.0: the key', (region) => ({ previousEncryptionKeyArns: [keyIn(region)] })],
  ])('is refused in another region, and taken in the stack’s: %s', (words, props) => {
    expect(deploy(props('eu-west-1'))).toContain(
      `- ${words} is in eu-west-1, but the stack is in eu-central-1: `,
    );
    expect(deploy(props('eu-central-1'))).toBe('');
  });

  it.each(['clusterCertificateSecretArn', 'proxySecretArn', 'eventHookSecretArn'] as const)(
    'is refused in another region for one control plane: %s',
    (setting) => {
      const proxy = setting === 'proxySecretArn' ? { proxyServer: 'http://proxy.example.com:3128' } : {};

      const deployIn = (region: string) =>
        deploy({}, 'eu-central-1', { ...proxy, [setting]: secretIn(region) });

      expect(deployIn('eu-west-1')).toContain(
        `- controlPlanes.prod.${setting}: the secret is in eu-west-1, but the stack is in eu-central-1: `,
      );
      expect(deployIn('eu-central-1')).toBe('');
    },
  );

  it('is refused in another partition', () => {
    expect(deploy(ownKey(keyIn('eu-central-1', 'aws-cn')))).toContain(
      '- encryptionKeyArn: the ARN of the key begins with arn:aws-cn, but in eu-central-1 ARNs begin with arn:aws: ',
    );
    expect(deploy(ownKey(keyIn('cn-north-1', 'aws-cn')), 'cn-north-1')).toBe('');
  });

  it('is refused with a sentence for each', () => {
    const wrong = {
      alarmTopicArn: topicIn('us-east-1'),
      previousEncryptionKeyArns: [keyIn('eu-central-1'), keyIn('us-east-1')],
    };

    expect(deploy(wrong)).toMatch(
      /^the settings of Gateway\/Lifeboat are wrong:\n- alarmTopicArn: .*us-east-1.*\n- previousEncryptionKeyArns\.1: .*us-east-1.*$/,
    );
  });

  it('is taken where nobody knows at synth what region it will be', () => {
    expect(deploy(ownKey(keyIn('eu-west-1')), 'not known')).toBe('');
  });

  it('is refused for a replica where it is of the first region', () => {
    const withTopicIn = (region: string) =>
      deployWithReplica(twoControlPlanes, { alarmTopicArn: topicIn(region) });

    expect(() => withTopicIn('eu-central-1')).toThrow(
      '- alarmTopicArn: the topic is in eu-central-1, but the stack is in eu-west-1: ',
    );
    expect(() => withTopicIn('eu-west-1')).not.toThrow();
  });
});
