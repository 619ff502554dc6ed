/** The deployment that is proved: its settings, and what it is synthesized to. */
import * as iam from 'aws-cdk-lib/aws-iam';
import type { LifeboatStack } from '../lib/deployment/lifeboat-stack.ts';
import { DataPlaneAuth } from '../lib/grants/data-plane-auth.ts';
import { parseSettings } from '../lib/settings/settings.ts';
import type { PolicyDocument } from '../simulators/aws/iam.ts';
import { synthesizedTemplate, synthesizedTemplates } from '../template/synthesized-stack.ts';
import type { SynthesizedTemplate } from '../template/template.ts';
import { exampleCertificate } from './example-certificate.ts';

export const region = 'eu-central-1';
export const accountId = '111122223333';
/** Where the replica is, in the variant that has one. */
export const secondRegion = 'eu-west-1';
/** Another account, which the settings below trust. */
export const trustedAccountId = '444455556666';
/** As long as the settings below make a URL valid, and the tolerance of the bucket policy. */
export const oldestSignatureMs = (120 + 60) * 1000;

/** What a deployment may be told that changes who may do what. */
export interface Variant {
  /** With a break-glass role. @default false */
  readonly lockdown?: boolean;
  /** With an encryption key of the deployer's. @default false */
  readonly existingKey?: boolean;
  /**
   * That key's own policy, of this account.
   *
   * @default the one that AWS gives to new keys, with the statements that the deployment asks for
   */
  readonly keyPolicy?: PolicyDocument;
  /** With an encryption key of before, and a signing key that signs no more. @default false */
  readonly changedKeys?: boolean;
  /** With locked versions. @default false */
  readonly objectLock?: boolean;
  /** With cluster certificates beside IAM, for prod. @default false */
  readonly clusterCertificate?: boolean;
  /** With readers of files. @default true */
  readonly fileReaders?: boolean;
  /**
   * With a network of both, whose endpoints prod asks for, and a trail of data events; then also what
   * services call. @default false
   */
  readonly network?: boolean;
  /** With a replica in a second region. @default false */
  readonly replica?: boolean;
}

/** What a deployment is synthesized to. */
export interface MatrixTemplate extends SynthesizedTemplate {
  /** @default there is no second region */
  readonly replica?: SynthesizedTemplate;
}

export const lockdown = {
  breakGlassRoleArn: `arn:aws:iam::${accountId}:role/break-glass`,
  deploymentRoleArn: `arn:aws:iam::${accountId}:role/deployment`,
};
export const fileReaderArn = `arn:aws:iam::${accountId}:role/auditor`;
export const foreignFileReaderArn = `arn:aws:iam::${trustedAccountId}:role/backup`;
export const objectLockDays = 30;
const byCertificate = DataPlaneAuth.clusterCertificate({ certificates: [exampleCertificate] });
export const existingKeyArn = `arn:aws:kms:${region}:${accountId}:key/01234567-89ab-cdef-0123-456789abcdef`;
/** Encrypted before, in the variant with changed keys. */
export const previousKeyArn = existingKeyArn.replace('01234567', '76543210');

const vpc = {
  vpcId: 'vpc-0000000a',
  availabilityZones: ['eu-central-1a'],
  subnetIds: ['subnet-0000000a'],
  securityGroupIds: ['sg-0000000a'],
};

/** The deployment that the matrix is about, with the roles of a data plane and of people of prod. */
export function matrixTemplate(variant: Variant = {}): MatrixTemplate {
  const settings = parseSettings({
    controlPlanes: {
      prod: {
        clusterEndpoint: 'kong-cp.example.com:8005',
        dataPlaneVersions: ['3.9.1'],
        readerRoleTrust: [trustedAccountId],
        listen: true,
        ...(variant.network ? { vpc: { ...vpc, endpoints: { routeTableIds: ['rtb-0000000a'] } } } : {}),
        ...(variant.fileReaders === false
          ? {}
          : { fileReaderRoleArns: [fileReaderArn, foreignFileReaderArn] }),
        ...(variant.clusterCertificate
          ? { dataPlaneAuth: DataPlaneAuth.anyOf(DataPlaneAuth.iam(), byCertificate) }
          : {}),
      },
      staging: {
        clusterEndpoint: 'kong-staging.example.com:8005',
        dataPlaneVersions: ['3.9.1'],
        ...(variant.network ? { vpc } : {}),
      },
    },
    ...(variant.lockdown ? { lockdown } : {}),
    ...(variant.existingKey ? { encryptionKeyArn: existingKeyArn } : {}),
    ...(variant.changedKeys
      ? { previousEncryptionKeyArns: [previousKeyArn], signingKeys: ['second', 'first'] }
      : {}),
    ...(variant.objectLock ? { objectLockDays } : {}),
    ...(variant.network ? { dataEvents: true } : {}),
    vaultMadeWith: {
      objectLock: variant.objectLock === true,
      ...(variant.existingKey ? { encryptionKeyArn: existingKeyArn } : {}),
    },
  });
  const addDataPlane = (stack: LifeboatStack): iam.Role => {
    const role = new iam.Role(stack, 'DataPlaneProd', {
      assumedBy: new iam.ServicePrincipal('ec2.amazonaws.com'),
    });
    stack.lifeboat.grantBootstrap(role, 'prod');
    stack.lifeboat.grantInvoke(role, 'prod');
    return role;
  };
  const addOperators = (stack: LifeboatStack): void => {
    const assumedBy = new iam.AccountRootPrincipal();
    stack.lifeboat.grantOperate(new iam.Role(stack, 'OperatorProd', { assumedBy }), 'prod');
    stack.lifeboat.grantOperate(new iam.Role(stack, 'UnpinnerProd', { assumedBy }), 'prod', ['unpin']);
    stack.lifeboat.grantInspect(new iam.Role(stack, 'InspectorProd', { assumedBy }), 'prod');
    stack.lifeboat.grantFetchRevision(new iam.Role(stack, 'RevisionFetcherProd', { assumedBy }), 'prod');
  };
  if (!variant.replica) {
    return synthesizedTemplate(settings, (stack) => {
      addDataPlane(stack);
      addOperators(stack);
    });
  }
  const { template, replica } = synthesizedTemplates(
    settings,
    { first: region, second: secondRegion },
    (stack, second) => {
      const role = addDataPlane(stack);
      addOperators(stack);
      second.replica.grantBootstrap(role, 'prod');
      second.replica.grantInvoke(role, 'prod');
    },
  );
  return { ...template, replica };
}
