import { ArnFormat, type Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { acknowledge } from '../conventions/acknowledge.ts';
import { formatDeploymentName } from '../conventions/deployment-name.ts';
import type { VpcSettings } from '../settings/settings.ts';
import { type FunctionEntry, findFunctionBundle } from './function-bundle.ts';

/**
 * Of all variables of a function (Lambda Developer Guide, "Lambda quotas": 4 KB). Lambda reports more only in
 * the middle of a deployment.
 */
export const mostEnvironmentBytes = 4096;

/** The role of a function: trusted by Lambda alone, and with nothing granted yet. */
export class FunctionRole extends iam.Role {
  readonly #policy: iam.PolicyDocument | undefined;

  /**
   * @param roleName @default CloudFormation makes one
   * @param isWhole whether what it may do stands in the role itself: a policy of its own is one more resource
   * of each control plane, and a stack has room for so many. @default false
   */
  constructor(scope: Construct, id: string, roleName?: string, isWhole = false) {
    const policy = isWhole ? new iam.PolicyDocument() : undefined;
    super(scope, id, {
      assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
      ...(roleName === undefined ? {} : { roleName }),
      ...(policy === undefined ? {} : { inlinePolicies: { Function: policy } }),
    });
    this.#policy = policy;
  }

  override addToPrincipalPolicy(statement: iam.PolicyStatement): iam.AddToPrincipalPolicyResult {
    if (this.#policy === undefined) {
      return super.addToPrincipalPolicy(statement);
    }
    this.#policy.addStatements(statement);
    return { statementAdded: true, policyDependable: this };
  }
}

export interface LifeboatFunctionProps<Variables> {
  readonly entry: FunctionEntry;
  /** The function's whole environment, by the type that it parses itself. */
  readonly environment: Variables;
  readonly role: FunctionRole;
  /** Options of Node. @default Lambda's own, by the function's memory */
  readonly nodeOptions?: string | undefined;
  readonly timeout: Duration;
  readonly memorySizeMb: number;
  readonly logRetentionDays: number;
  /** Encrypts its logs; otherwise CloudWatch does, with a key of its own. */
  readonly logKey: kms.IKey | undefined;
  /** Executions that are reserved for it, which are also its maximum. @default what is free in the account */
  readonly reservedConcurrency?: number | undefined;
  /** Network of a private control plane. @default outside any VPC */
  readonly vpc?: VpcSettings | undefined;
  /**
   * What becomes of a call that nobody waits for, when it fails or cannot begin. @default Lambda's own: two
   * more tries, within six hours
   */
  readonly unattended?: Pick<lambda.EventInvokeConfigOptions, 'retryAttempts' | 'maxEventAge'> | undefined;
  /** Lets it read its own log again. @default false */
  readonly readsOwnLog?: boolean | undefined;
  /** Lets it call IPv6 addresses from that network, whose subnets must be dual-stack. @default false */
  readonly ipv6?: boolean | undefined;
}

/**
 * A Lambda function as all of Lifeboat's are: Node.js 24 on ARM64, one bundled module, JSON logs in a group
 * of its own.
 */
export class LifeboatFunction<
  Variables extends { readonly [Name in keyof Variables]: string } = Readonly<Record<string, string>>,
> extends Construct {
  readonly function: lambda.IFunction;
  /**
   * Usable in stacks of other regions, too; `function.functionArn` would need a fixed function name there.
   */
  readonly functionArn: string;
  readonly logGroupName: string;
  readonly memorySizeMb: number;

  /** @internal */
  constructor(scope: Construct, id: string, props: LifeboatFunctionProps<Variables>) {
    super(scope, id);
    const logGroup = new logs.LogGroup(this, 'Log', {
      retention: props.logRetentionDays,
      ...(props.logKey === undefined ? {} : { encryptionKey: props.logKey }),
      removalPolicy: RemovalPolicy.DESTROY,
    });
    logGroup.grantWrite(props.role);
    if (props.readsOwnLog) {
      logGroup.grant(props.role, 'logs:FilterLogEvents');
    }
    this.logGroupName = logGroup.logGroupName;
    this.memorySizeMb = props.memorySizeMb;
    const own = new lambda.Function(this, 'Function', {
      code: lambda.Code.fromAsset(findFunctionBundle(props.entry)),
      handler: 'index.handler',
      description: `Lifeboat: ${props.entry}`,
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      role: props.role,
      timeout: props.timeout,
      memorySize: props.memorySizeMb,
      logGroup,
      loggingFormat: lambda.LoggingFormat.JSON,
      environment: {
        ...(props.environment as Readonly<Record<string, string>>),
        DEPLOYMENT: formatDeploymentName(this),
        POWERTOOLS_SERVICE_NAME: `lifeboat-${props.entry}`,
        ...(props.nodeOptions === undefined ? {} : { NODE_OPTIONS: props.nodeOptions }),
      },
      ...(props.reservedConcurrency === undefined
        ? {}
        : { reservedConcurrentExecutions: props.reservedConcurrency }),
      ...props.unattended,
      ...attachToNetwork(this, props),
    });
    this.function = own;
    this.functionArn = (own.node.defaultChild as lambda.CfnFunction).attrArn;
  }
}

function attachToNetwork(
  scope: Construct,
  { vpc, ipv6 = false, role }: Pick<LifeboatFunctionProps<unknown>, 'vpc' | 'ipv6' | 'role'>,
): Pick<lambda.FunctionOptions, 'vpc' | 'vpcSubnets' | 'securityGroups' | 'ipv6AllowedForDualStack'> {
  if (vpc === undefined) {
    return {};
  }
  // What Lambda needs to attach a function to subnets, and no more (Lambda Developer Guide, "Required IAM
  // permissions").
  const attach = {
    actions: [
      'ec2:CreateNetworkInterface',
      'ec2:DescribeNetworkInterfaces',
      'ec2:DescribeSubnets',
      'ec2:DeleteNetworkInterface',
      'ec2:AssignPrivateIpAddresses',
      'ec2:UnassignPrivateIpAddresses',
    ],
    resources: ['*'],
  };
  role.addToPolicy(new iam.PolicyStatement({ sid: 'AttachToNetwork', ...attach }));
  // Lambda needs these actions, the function's own code does not: only calls by that code carry this
  // condition key (ibid., "Security best practices"). The function's own ARN would make a circular dependency
  // between function and policy.
  role.addToPolicy(
    new iam.PolicyStatement({
      sid: 'NotFromCode',
      effect: iam.Effect.DENY,
      ...attach,
      conditions: {
        ArnLike: {
          'lambda:SourceFunctionArn': Stack.of(scope).formatArn({
            service: 'lambda',
            resource: 'function',
            resourceName: '*',
            arnFormat: ArnFormat.COLON_RESOURCE_NAME,
          }),
        },
      },
    }),
  );
  acknowledge(
    role,
    'AwsSolutions-IAM5[Resource::*]',
    'The network interfaces of a function in a VPC do not exist before Lambda makes them.',
  );
  acknowledge(
    scope,
    'Annotation::@aws-cdk/aws-ec2:noSubnetRouteTableId',
    'The subnets are the deployer’s; nobody here asks for their route tables.',
  );
  const subnets = vpc.subnetIds.map((id, index) => ec2.Subnet.fromSubnetId(scope, `Subnet${index}`, id));
  return {
    vpc: ec2.Vpc.fromVpcAttributes(scope, 'Vpc', {
      vpcId: vpc.vpcId,
      availabilityZones: vpc.availabilityZones,
      privateSubnetIds: vpc.subnetIds,
    }),
    vpcSubnets: { subnets },
    // Lambda refuses it for subnets that have IPv4 alone.
    ...(ipv6 ? { ipv6AllowedForDualStack: true } : {}),
    securityGroups: vpc.securityGroupIds.map((id, index) =>
      ec2.SecurityGroup.fromSecurityGroupId(scope, `SecurityGroup${index}`, id, { mutable: false }),
    ),
  };
}

/** Where the functions' own service endpoints are: for conditions such as kms:ViaService. */
export function formatServiceHost(scope: Construct, service: string): string {
  const { region, urlSuffix } = Stack.of(scope);
  return `${service}.${region}.${urlSuffix}`;
}
