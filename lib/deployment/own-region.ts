import { Stack, Token } from 'aws-cdk-lib';
import { RegionInfo } from 'aws-cdk-lib/region-info';
import type { Construct } from 'constructs';
import type { Mistake } from '../settings/given-constructs.ts';
import type { Settings } from '../settings/settings.ts';

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
 * Finds ARNs of another region, or partition, than the stack's. None of these services takes one, and AWS
 * would say so during the deployment, or, of a key that encrypted before, never: nothing could be decrypted
 * with it. What CDK knows only when it deploys is not checked.
 */
export function findForeignArns(deployment: Construct, settings: Settings): readonly Mistake[] {
  const { region } = Stack.of(deployment);
  if (Token.isUnresolved(region)) {
    return [];
  }
  // Undefined for a region that is newer than CDK.
  const { partition } = RegionInfo.get(region);
  return listNamed(settings).flatMap(({ path, arn, noun, remedy }) => {
    const [, ofPartition = '', , ofRegion] = arn?.split(':') ?? [];
    // One that is no ARN has been refused for that, or CDK knows it later.
    if (ofRegion === undefined || Token.isUnresolved(ofRegion)) {
      return [];
    }
    return ofRegion !== region
      ? [{ path, sentence: `the ${noun} is in ${ofRegion}, but the stack is in ${region}: ${remedy}` }]
      : partition !== undefined && ofPartition !== partition && !Token.isUnresolved(ofPartition)
        ? [
            {
              path,
              sentence: `the ARN of the ${noun} begins with arn:${ofPartition}, but in ${region} ARNs begin with arn:${partition}: ${remedy}`,
            },
          ]
        : [];
  });
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
