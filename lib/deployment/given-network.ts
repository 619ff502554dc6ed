import { Annotations } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type { Construct } from 'constructs';
import { type GivenConstructs, hasShape, type Section } from '../settings/given-constructs.ts';

/** What a control plane has for its network, and what is about an `ec2.IVpc` alone. */
interface GivenNetwork {
  readonly vpc?: unknown;
  readonly vpcSubnets?: unknown;
  readonly securityGroups?: unknown;
  readonly vpcEndpoints?: unknown;
}

/**
 * Puts the ids of a network in the place of its constructs, as the settings have them.
 *
 * @param given the settings of one control plane
 * @param path their own, for what is wrong
 */
export function readNetwork(
  deployment: Construct,
  controlPlane: string,
  given: Section,
  constructs: GivenConstructs,
): Section {
  const path = `controlPlanes.${controlPlane}`;
  const { vpc, vpcSubnets, securityGroups, vpcEndpoints, ...others } = given as GivenNetwork & Section;
  if (!isVpc(vpc)) {
    for (const [name, value] of Object.entries({ vpcSubnets, securityGroups, vpcEndpoints })) {
      if (value !== undefined) {
        constructs.refuse(
          `${path}.${name}`,
          vpc === undefined
            ? 'it is about the network of vpc, and there is none: name that, too'
            : 'it is for a vpc of CDK (ec2.IVpc): with ids in vpc name subnetIds, securityGroupIds and endpoints there',
        );
      }
    }
    return vpc === undefined ? others : { ...others, vpc };
  }
  const groups = readGroups(deployment, controlPlane, vpc, securityGroups);
  if (groups === undefined) {
    constructs.refuse(
      `${path}.securityGroups`,
      'a list of security groups of CDK (ec2.ISecurityGroup) is expected',
    );
  }
  constructs.note(`${path}.vpc.subnetIds`, `${path}.vpcSubnets`);
  constructs.note(`${path}.vpc.securityGroupIds`, `${path}.securityGroups`);
  const subnets = selectSubnets(deployment, controlPlane, vpc, vpcSubnets as ec2.SubnetSelection | undefined);
  return {
    ...others,
    vpc: {
      vpcId: vpc.vpcId,
      availabilityZones: subnets.map(({ availabilityZone }) => availabilityZone),
      subnetIds: subnets.map(({ subnetId }) => subnetId),
      securityGroupIds: groups ?? [],
      ...(vpcEndpoints === true
        ? { endpoints: { routeTableIds: subnets.map(({ routeTable }) => routeTable.routeTableId) } }
        : {}),
    },
  };
}

type KnownSubnet = Pick<ec2.ISubnet, 'availabilityZone' | 'subnetId'> & {
  readonly routeTable: { readonly routeTableId: string };
};

function selectSubnets(
  deployment: Construct,
  controlPlane: string,
  vpc: ec2.IVpc,
  selection: ec2.SubnetSelection | undefined,
): readonly KnownSubnet[] {
  const { subnets, isPendingLookup, hasPublic } = vpc.selectSubnets(selection);
  if (hasPublic && isPendingLookup !== true) {
    Annotations.of(deployment).addWarningV2(
      'lifeboat:publicSubnets',
      `the export of ${controlPlane} would run in public subnets, where functions have no way to the internet: choose private ones in vpcSubnets, unless endpoints lead to AWS`,
    );
  }
  // What stands for a VPC until it is looked up has no groups of other names than CDK's own. No function runs
  // in no subnet, so one of CDK's placeholders stands for those that will be there.
  return isPendingLookup === true && subnets.length === 0
    ? [{ availabilityZone: 'dummy1a', subnetId: 'p-12345', routeTable: { routeTableId: 'rtb-12345p' } }]
    : subnets;
}

function isVpc(given: unknown): given is ec2.IVpc {
  return hasShape(given, 'vpcId', 'selectSubnets');
}

/** @returns undefined for what is no list of groups */
function readGroups(
  deployment: Construct,
  controlPlane: string,
  vpc: ec2.IVpc,
  given: unknown,
): readonly unknown[] | undefined {
  if (given === undefined) {
    // As CDK's own functions have it. Who takes connections in allows this group.
    const own = new ec2.SecurityGroup(deployment, `SecurityGroup-${controlPlane}`, {
      vpc,
      description: `Lifeboat: to control plane ${controlPlane} and to AWS`,
      allowAllOutbound: true,
      allowAllIpv6Outbound: true,
    });
    return [own.securityGroupId];
  }
  return Array.isArray(given) && given.every((each) => hasShape(each, 'securityGroupId'))
    ? given.map(({ securityGroupId }) => securityGroupId)
    : undefined;
}
