/** What a release deploys that must outlive an update. Later versions are compared with it. */
import * as v from 'valibot';
import { deploy, deployWithReplica } from '../lib/deployment.ts';
import { lastingTypes, noPolicy, replacingProperties } from '../lib/template-changes.ts';

const template = v.object({
  Resources: v.record(
    v.string(),
    v.object({
      Type: v.string(),
      Properties: v.optional(v.record(v.string(), v.unknown()), {}),
      DeletionPolicy: v.optional(v.string()),
      UpdateReplacePolicy: v.optional(v.string()),
    }),
  ),
});

export type LastingTemplate = v.InferOutput<typeof template>;

export interface RecordedStack {
  readonly settings: object;
  readonly first: LastingTemplate;
  /** The replica's stack, where there is one. */
  readonly second?: LastingTemplate | undefined;
}

const controlPlanes = {
  prod: {
    clusterEndpoint: 'kong-cp.example.com:8005',
    dataPlaneVersions: ['3.9.1', '3.8.1'],
    customPlugins: ['my-plugin'],
  },
  staging: {
    clusterEndpoint: 'kong-cp.internal:8005',
    clusterMtls: 'pki',
    clusterServerName: 'kong-cp',
    dataPlaneVersions: ['3.9.0'],
    vpc: {
      vpcId: 'vpc-0000000a',
      availabilityZones: ['eu-central-1a', 'eu-central-1b'],
      subnetIds: ['subnet-0000000a', 'subnet-0000000b'],
      securityGroupIds: ['sg-0000000a'],
    },
  },
};
const bucketName = 'example-lifeboat';
const encryptionKeyArn = 'arn:aws:kms:eu-central-1:111122223333:key/33333333-0000-0000-0000-000000000000';

/** One deployment makes all itself, in two regions; the other has what can be the deployer's own. */
const recordedSettings = {
  'two regions': { controlPlanes, dataEvents: true, signingKeys: ['first', 'second'] },
  'a name, a key and locks of the deployer’s': {
    controlPlanes,
    bucketName,
    objectLockDays: 30,
    encryptionKeyArn,
    vaultMadeWith: { bucketName, objectLock: true, encryptionKeyArn },
  },
};

export type RecordedStacks = Readonly<Record<keyof typeof recordedSettings, RecordedStack>>;

/** @returns what this version deploys */
export function recordStacks(): RecordedStacks {
  const { 'two regions': both, 'a name, a key and locks of the deployer’s': own } = recordedSettings;
  const { first, second } = deployWithReplica(both);
  return {
    'two regions': {
      settings: both,
      first: keepLasting(first.template.toJSON()),
      second: keepLasting(second.template.toJSON()),
    },
    'a name, a key and locks of the deployer’s': {
      settings: own,
      first: keepLasting(deploy(own).template.toJSON()),
    },
  };
}

/** Roles, too: the vault's policies name them. Of properties those alone that could replace what is there. */
export function keepLasting(synthesized: unknown): LastingTemplate {
  const { Resources } = v.parse(template, synthesized);
  return {
    Resources: Object.fromEntries(
      Object.entries(Resources)
        .filter(([, { Type }]) => Type === 'AWS::IAM::Role' || lastingTypes.includes(Type))
        .map(([id, resource]) => [
          id,
          {
            ...resource,
            Properties: {
              ...replacingProperties(resource.Type, resource.Properties),
              ...('PolicyDocument' in resource.Properties ? noPolicy : {}),
            },
          },
        ]),
    ),
  };
}
