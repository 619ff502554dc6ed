import { describe, expect, it } from '@jest/globals';
import { type App, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import type { LifeboatControlPlaneProps } from '../../../lib/deployment/control-plane-props.ts';
import { Lifeboat } from '../../../lib/deployment/lifeboat.ts';
import type { LifeboatProps } from '../../../lib/deployment/lifeboat-props.ts';
import { DataPlaneAuth } from '../../../lib/grants/data-plane-auth.ts';
import type { SettingsInput } from '../../../lib/settings/settings.ts';
import { exampleCertificate } from '../../../policy/example-certificate.ts';
import { newApp } from '../app.ts';

const unit = { clusterEndpoint: 'kong-cp.example.com:8005', dataPlaneVersions: ['3.9.1'] };

function own(props: Partial<LifeboatProps> | ((stack: Stack) => Partial<LifeboatProps>) = {}) {
  const app = newApp({ '@aws-cdk/core:enablePartitionLiterals': true });
  const stack = new Stack(app, 'Gateway', { env: { account: '111122223333', region: 'eu-central-1' } });
  const lifeboat = new Lifeboat(stack, 'Lifeboat', {
    controlPlanes: { prod: unit, staging: unit },
    ...(typeof props === 'function' ? props(stack) : props),
  });
  return { stack, lifeboat, template: () => Template.fromStack(stack) };
}

type Unnamed = Exclude<keyof SettingsInput, keyof LifeboatProps>;
type UnnamedOfControlPlane = Exclude<
  keyof SettingsInput['controlPlanes'][string],
  keyof LifeboatControlPlaneProps
>;

describe('Lifeboat in a stack of somebody else', () => {
  it('takes each setting as a property', () => {
    // Fails in the compiler, when a setting has no property.
    const complete: [Unnamed | UnnamedOfControlPlane] extends [never] ? true : false = true;

    expect(complete).toBe(true);
  });

  it('has the outputs of a whole stack, whose ids begin with its own, and each as a property', () => {
    const { stack, lifeboat, template } = own({
      controlPlanes: {
        prod: {
          ...unit,
          operatorRoleArns: ['arn:aws:iam::111122223333:role/on-call'],
          readerRoleTrust: ['444455556666'],
        },
      },
      domain: {
        name: 'lifeboat.example.com',
        certificateArn: 'arn:aws:acm:eu-central-1:111122223333:certificate/0',
      },
      signingKeys: ['first', 'second'],
    });
    const of = lifeboat.units.get('prod');

    const values = Object.fromEntries(
      Object.entries(template().findOutputs('*')).map(([id, { Value }]) => [id, Value]),
    );

    expect(values).toEqual(
      stack.resolve({
        LifeboatApiUrl: lifeboat.apiUrl,
        LifeboatDefaultApiUrl: lifeboat.defaultApiUrl,
        LifeboatDomainTarget: lifeboat.domainTarget,
        LifeboatBucket: lifeboat.bucketName,
        LifeboatSigningKeyArn: lifeboat.signingKeyArn,
        LifeboatPublicKeyCommand: lifeboat.publicKeyCommand,
        LifeboatPublicKeyCommandsecond: lifeboat.publicKeyCommands.get('second'),
        LifeboatWebhookUrlprod: of?.webhookUrl,
        LifeboatGrantUrlprod: of?.grantUrl,
        LifeboatGrantArnprod: of?.grantArn,
        LifeboatGrantFunctionArnprod: of?.grantFunctionArn,
        LifeboatCommandArnprod: of?.commandArn,
        LifeboatInspectArnprod: of?.inspectArn,
        LifeboatRevisionGrantArnprod: of?.revisionGrantArn,
        LifeboatReaderRoleArnprod: of?.readerRoleArn,
        LifeboatHookSecretArnprod: of?.hookSecretArn,
        LifeboatClusterCertificateArnprod: of?.clusterCertificateArn,
      }),
    );
    expect(Object.values(values).filter((value) => value === undefined)).toEqual([]);
  });

  it('has no outputs where it is told so', () => {
    expect(own({ outputs: false }).template().findOutputs('*')).toEqual({});
  });

  it('stands below its own name', () => {
    const { template } = own();

    const ids = Object.keys(template().toJSON()['Resources']);

    expect(ids.filter((id) => !id.startsWith('Lifeboat'))).toEqual([]);
    expect(Object.keys(template().findResources('AWS::S3::Bucket'))).toEqual([
      expect.stringMatching(/^LifeboatVaultBucket/),
    ]);
    // Names that are not CloudFormation's would be taken where a stack has two of them.
    const named = Object.values(template().findResources('AWS::Logs::LogGroup')).flatMap(
      ({ Properties }) => Properties.LogGroupName ?? [],
    );
    expect(named).toEqual([expect.stringMatching(/^\/aws\/vendedlogs\/.*Lifeboat\w*Api[0-9A-F]{8}$/)]);
  });

  it('asks data planes for AWS credentials, said or not', () => {
    const routes = [own(), own({ dataPlaneAuth: DataPlaneAuth.iam() })].map(({ template }) =>
      template().findResources('AWS::ApiGatewayV2::Route', { Properties: { AuthorizationType: 'AWS_IAM' } }),
    );

    // For each of the two control planes grants, commands, inspection and revisions.
    expect(Object.keys(routes[0] ?? {})).toHaveLength(8);
    expect(routes[1]).toEqual(routes[0]);
  });

  it('lets each control plane have its own way for data planes to say who they are', () => {
    const byCertificate = DataPlaneAuth.clusterCertificate({ certificates: [exampleCertificate] });
    const { template } = own({
      controlPlanes: { prod: unit, staging: { ...unit, dataPlaneAuth: DataPlaneAuth.iam() } },
      dataPlaneAuth: byCertificate,
    });

    const routes = Object.values(template().findResources('AWS::ApiGatewayV2::Route')).map(
      ({ Properties }) => Properties.RouteKey,
    );

    expect(routes.filter((key) => key.endsWith('fallback-config')).sort()).toEqual([
      'GET /control-planes/staging/fallback-config',
      'POST /control-planes/prod/fallback-config',
    ]);
  });

  it('takes IAM, listed certificates and authorities together', () => {
    const ways = DataPlaneAuth.anyOf(
      DataPlaneAuth.iam(),
      DataPlaneAuth.clusterCertificate({ certificates: [exampleCertificate] }),
      DataPlaneAuth.clusterCertificate({ authorities: [exampleCertificate], commonNames: ['dp'] }),
    );

    expect({ ...ways }).toEqual({
      iam: true,
      clusterCertificate: {
        certificates: [exampleCertificate],
        authorities: [exampleCertificate],
        commonNames: ['dp'],
      },
    });
  });

  it.each([
    ['iam', DataPlaneAuth.iam()],
    ['certificates', DataPlaneAuth.clusterCertificate({ certificates: [exampleCertificate] })],
    ['authorities', DataPlaneAuth.clusterCertificate({ authorities: [exampleCertificate] })],
  ])('takes no way twice, of which one would be lost: %s', (what, way) => {
    expect(() => DataPlaneAuth.anyOf(way, way)).toThrow(`has ${what} in two ways`);
  });

  it('takes what the same stack makes: a network, a role, a key', () => {
    const { template } = own((scope) => {
      const vpc = new ec2.Vpc(scope, 'Vpc', {
        natGateways: 0,
        maxAzs: 2,
        restrictDefaultSecurityGroup: false,
      });
      const encryptionKeyArn = new kms.Key(scope, 'Key').keyArn;
      const reader = new iam.Role(scope, 'Reader', { assumedBy: new iam.AccountRootPrincipal() });
      return {
        controlPlanes: {
          prod: {
            ...unit,
            readerRoleTrust: [reader.roleArn],
            vpc: {
              vpcId: vpc.vpcId,
              availabilityZones: vpc.availabilityZones,
              subnetIds: vpc.publicSubnets.map(({ subnetId }) => subnetId),
              securityGroupIds: [vpc.vpcDefaultSecurityGroup],
            },
          },
        },
        encryptionKeyArn,
        vaultMadeWith: { encryptionKeyArn },
      };
    });

    const trusted = template().findResources('AWS::IAM::Role', {
      Properties: { Description: Match.stringLikeRegexp('other accounts') },
    });
    const [reader] = Object.keys(template().findResources('AWS::IAM::Role')).filter((id) =>
      /^Reader/.test(id),
    );
    expect(
      Object.values(trusted).map(
        ({ Properties }) => Properties.AssumeRolePolicyDocument.Statement[0].Principal,
      ),
    ).toEqual([{ AWS: { 'Fn::GetAtt': [reader, 'Arn'] } }]);
    template().resourceCountIs('AWS::KMS::Key', 3);
  });

  it('refuses wrong properties with the sentences of settings, and says whose they are', () => {
    const wrong = () => own({ scheduleMinutes: 0, settleSeconds: 61 });

    expect(wrong).toThrow(
      'the settings of Gateway/Lifeboat are wrong:\n' +
        '- scheduleMinutes: at least 1 minutes are expected\n' +
        '- settleSeconds: at most 60 seconds are allowed',
    );
  });
});

describe('grantBootstrap', () => {
  it('allows a role the grants of one control plane, and nothing else', () => {
    const { stack, lifeboat, template } = own();
    const role = new iam.Role(stack, 'DataPlane', {
      assumedBy: new iam.ServicePrincipal('ec2.amazonaws.com'),
    });

    lifeboat.grantBootstrap(role, 'staging');

    const [policy] = Object.values(
      template().findResources('AWS::IAM::Policy', {
        Properties: { Roles: [stack.resolve(role.roleName)] },
      }),
    );
    const [apiId] = Object.keys(template().findResources('AWS::ApiGatewayV2::Api'));
    expect(policy?.['Properties'].PolicyDocument.Statement).toEqual([
      {
        Effect: 'Allow',
        Action: 'execute-api:Invoke',
        Resource: {
          'Fn::Join': [
            '',
            [
              'arn:aws:execute-api:eu-central-1:111122223333:',
              { Ref: apiId },
              '/$default/GET/control-planes/staging/fallback-config',
            ],
          ],
        },
      },
    ]);
  });

  it.each(['grantBootstrap', 'grantInvoke'] as const)(
    'has nothing to allow where data planes do not use IAM (%s)',
    (method) => {
      const { stack, lifeboat } = own({
        dataPlaneAuth: DataPlaneAuth.clusterCertificate({ certificates: [exampleCertificate] }),
      });
      const role = new iam.Role(stack, 'DataPlane', { assumedBy: new iam.AccountRootPrincipal() });

      const grant = () => lifeboat[method](role, 'prod');

      expect(grant).toThrow(/"prod" do not use IAM.*DataPlaneAuth\.iam\(\)/);
    },
  );

  it('names the control planes there are, when it is asked for another one', () => {
    const { stack, lifeboat } = own();
    const role = iam.Role.fromRoleArn(stack, 'DataPlane', 'arn:aws:iam::111122223333:role/data-plane');

    const grant = () => lifeboat.grantBootstrap(role, 'dev');

    expect(grant).toThrow('there is no control plane "dev" in Gateway/Lifeboat: choose one of prod, staging');
  });

  it('does not pretend to have allowed a role of another account', () => {
    const { stack, lifeboat } = own();
    const role = iam.Role.fromRoleArn(stack, 'Stranger', 'arn:aws:iam::999988887777:role/data-plane');

    const grant = () => lifeboat.grantBootstrap(role, 'prod');

    expect(grant).toThrow('takes no policy from this app');
  });

  it('allows a role of this account that another stack has made', () => {
    const { stack, lifeboat, template } = own();
    const role = iam.Role.fromRoleArn(stack, 'DataPlane', 'arn:aws:iam::111122223333:role/data-plane');

    lifeboat.grantBootstrap(role, 'prod');

    template().hasResourceProperties('AWS::IAM::Policy', { Roles: ['data-plane'] });
  });

  it.each([
    ['another account', new iam.AccountPrincipal('999988887777')],
    ['a service', new iam.ServicePrincipal('ec2.amazonaws.com')],
  ])('does not pretend to have allowed %s', (_who, grantPrincipal) => {
    const { lifeboat } = own();

    const grant = () => lifeboat.grantBootstrap({ grantPrincipal }, 'prod');

    expect(grant).toThrow('takes no policy from this app');
  });
});

describe('grantInvoke', () => {
  it('allows a role the function of one control plane, and none of its versions', () => {
    const { stack, lifeboat, template } = own();
    const role = new iam.Role(stack, 'DataPlane', { assumedBy: new iam.AccountRootPrincipal() });

    lifeboat.grantInvoke(role, 'staging');

    const [policy] = Object.values(
      template().findResources('AWS::IAM::Policy', {
        Properties: { Roles: [stack.resolve(role.roleName)] },
      }),
    );
    expect(policy?.['Properties'].PolicyDocument.Statement).toEqual([
      {
        Effect: 'Allow',
        Action: 'lambda:InvokeFunction',
        Resource: {
          'Fn::GetAtt': [expect.stringMatching(/^LifeboatPresignstagingFunction/), 'Arn'],
        },
      },
    ]);
  });
});

describe('grantOperate', () => {
  const rolePolicy = (template: Template, name: unknown): unknown => {
    const [policy] = Object.values(
      template.findResources('AWS::IAM::Policy', { Properties: { Roles: [name] } }),
    );
    return policy?.['Properties'].PolicyDocument.Statement[0].Resource;
  };
  const operatorsOf = (stack: Stack, template: Template, controlPlane: string): string => {
    const functions = Object.entries(template.findResources('AWS::Lambda::Function'));
    const exporter = functions.find(([id]) => id.includes(`Export${controlPlane}`))?.[1];
    return JSON.stringify(stack.resolve(exporter?.['Properties'].Environment.Variables.OPERATORS));
  };

  it('allows a role all commands to one control plane, by its policy and by the function’s own list', () => {
    const { stack, lifeboat, template } = own();
    const role = iam.Role.fromRoleArn(stack, 'OnCall', 'arn:aws:iam::111122223333:role/on-call');

    lifeboat.grantOperate(role, 'prod');

    expect(JSON.stringify(rolePolicy(template(), 'on-call'))).toContain(
      '/$default/POST/control-planes/prod/commands/*',
    );
    expect(operatorsOf(stack, template(), 'prod')).toContain('arn:aws:iam::111122223333:role/on-call');
    expect(operatorsOf(stack, template(), 'staging')).not.toContain('on-call');
  });

  it('allows a role of the same stack the commands that are named, and no others', () => {
    const { stack, lifeboat, template } = own();
    const role = new iam.Role(stack, 'Unpinner', { assumedBy: new iam.AccountRootPrincipal() });

    lifeboat.grantOperate(role, 'staging', ['unpin', 'export']);

    const resources = rolePolicy(template(), stack.resolve(role.roleName)) as readonly unknown[];
    expect(resources.map((each) => JSON.stringify(each).match(/commands\/[^"]*/)?.[0])).toEqual([
      'commands/unpin',
      'commands/export',
    ]);
    const listed = operatorsOf(stack, template(), 'staging');
    expect(listed).toMatch(/Unpinner.*unpin.*export/);
  });

  it('says why it cannot allow a role of another stack', () => {
    const { stack, lifeboat } = own();
    const role = new iam.Role(new Stack(stack.node.scope as App, 'People'), 'OnCall', {
      assumedBy: new iam.AccountRootPrincipal(),
    });

    const grant = () => lifeboat.grantOperate(role, 'prod');

    expect(grant).toThrow('belongs to another stack, and each stack would need the other');
  });

  it.each([
    ['dev', 'arn:aws:iam::111122223333:role/on-call', 'there is no control plane "dev"'],
    ['prod', 'arn:aws:iam::999988887777:role/on-call', 'takes no policy from this app'],
  ])('of %s to %s is refused', (controlPlane, arn, sentence) => {
    const { stack, lifeboat } = own();
    const role = iam.Role.fromRoleArn(stack, 'OnCall', arn);

    expect(() => lifeboat.grantOperate(role, controlPlane)).toThrow(sentence);
  });
});
