import { Stack, Token } from 'aws-cdk-lib';
import { RegionInfo } from 'aws-cdk-lib/region-info';
import type { Construct } from 'constructs';
import { type Settings, SettingsError } from '../settings/settings.ts';

/** Something of the deployer's that a setting names by its ARN. */
interface NamedResource {
  /** The setting. */
  readonly path: string;
  readonly arn: string | undefined;
  /** What it is, and what to do where it is elsewhere. */
  readonly noun: string;
  readonly remedy: string;
}

/**
 * Refuses ARNs of another region, or partition, than the stack's. None of these services takes one, and AWS
 * would say so during the deployment, or, of a key that encrypted before, never: nothing could be decrypted
 * with it. What CDK knows only when it deploys is not checked.
 *
 * @throws SettingsError
 */
export function requireOwnRegion(deployment: Construct, settings: Settings): void {
  const { region } = Stack.of(deployment);
  if (Token.isUnresolved(region)) {
    return;
  }
  // Undefined for a region that is newer than CDK.
  const { partition } = RegionInfo.get(region);
  const mistakes = listNamed(settings).flatMap(({ path, arn, noun, remedy }) => {
    if (arn === undefined || Token.isUnresolved(arn)) {
      return [];
    }
    const [, ofPartition = '', , ofRegion = ''] = arn.split(':');
    return ofRegion !== region
      ? [`- ${path}: the ${noun} is in ${ofRegion}, but the stack is in ${region}: ${remedy}`]
      : partition !== undefined && ofPartition !== partition
        ? [
            `- ${path}: the ARN of the ${noun} begins with arn:${ofPartition}, but in ${region} ARNs begin with arn:${partition}: ${remedy}`,
          ]
        : [];
  });
  if (mistakes.length > 0) {
    throw new SettingsError(`the settings of ${deployment.node.path} are wrong:\n${mistakes.join('\n')}`);
  }
}

function listNamed(settings: Settings): readonly NamedResource[] {
  const {
    alarmTopicArn,
    domain,
    encryptionKeyArn,
    previousEncryptionKeyArns,
    signingKeyArns,
    controlPlanes,
  } = settings;
  return [
    {
      path: 'alarmTopicArn',
      arn: alarmTopicArn,
      noun: 'topic',
      remedy: 'alarms notify topics of their own region, so name one there',
    },
    {
      path: 'domain.certificateArn',
      arn: domain?.certificateArn,
      noun: 'certificate',
      remedy: 'request a certificate for the same name there',
    },
    {
      path: 'encryptionKeyArn',
      arn: encryptionKeyArn,
      noun: 'key',
      remedy: 'a bucket encrypts with keys of its own region, so name one there',
    },
    ...Object.entries(signingKeyArns).map(([name, arn]) => ({
      path: `signingKeyArns.${name}`,
      arn,
      noun: 'key',
      remedy: 'exports sign with keys of their own region, so name the one that is there',
    })),
    ...previousEncryptionKeyArns.map((arn, index) => ({
      path: `previousEncryptionKeyArns.${index}`,
      arn,
      noun: 'key',
      remedy:
        'nothing in this vault can have been encrypted with it. Name the key that was (aws s3api get-bucket-encryption)',
    })),
    ...Object.entries(controlPlanes).flatMap(([name, unit]) =>
      (['clusterCertificateSecretArn', 'proxySecretArn', 'eventHookSecretArn'] as const).map((setting) => ({
        path: `controlPlanes.${name}.${setting}`,
        arn: unit[setting],
        noun: 'secret',
        remedy: 'functions read secrets of their own region, so replicate it there, and name the replica',
      })),
    ),
  ];
}
