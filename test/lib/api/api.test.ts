import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { Match } from 'aws-cdk-lib/assertions';
import * as v from 'valibot';
import { certificateFingerprint } from '../../../core/access/cluster-trust.ts';
import { presignEnvironment } from '../../../lambdas/environment/presign.ts';
import { exampleCertificate } from '../../../policy/example-certificate.ts';
import { deploy, environment, ofType, one, twoControlPlanes } from '../deployment.ts';

const deployment = deploy(twoControlPlanes);
const lambdaFunction = (...words: readonly string[]) => one(deployment, 'AWS::Lambda::Function', ...words);

describe('the HTTP API', () => {
  const hook = 'POST /control-planes/{controlPlane}/events';
  const hookOf = (name: string) => hook.replace('{controlPlane}', name);
  const grant = (name: string) => `GET /control-planes/${name}/fallback-config`;
  const command = (name: string) => `POST /control-planes/${name}/commands/{command}`;
  const inspect = (name: string) => `GET /control-planes/${name}/inspect`;
  const revision = (name: string) => `GET /control-planes/${name}/revision-grant`;
  const stage = one(deployment, 'AWS::ApiGatewayV2::Stage');
  const integrations = ofType(deployment, 'AWS::ApiGatewayV2::Integration');

  it('lets anybody knock, and signed callers alone get a grant', () => {
    const routes = ofType(deployment, 'AWS::ApiGatewayV2::Route').map(({ properties }) => [
      properties['RouteKey'],
      properties['AuthorizationType'],
    ]);

    expect(new Map(routes as [string, string][])).toEqual(
      new Map([
        [hook, 'NONE'],
        [hookOf('prod'), 'NONE'],
        [hookOf('staging'), 'NONE'],
        [grant('prod'), 'AWS_IAM'],
        [grant('staging'), 'AWS_IAM'],
        [inspect('prod'), 'AWS_IAM'],
        [inspect('staging'), 'AWS_IAM'],
        [revision('prod'), 'AWS_IAM'],
        [revision('staging'), 'AWS_IAM'],
        [command('prod'), 'AWS_IAM'],
        [command('staging'), 'AWS_IAM'],
      ]),
    );
    expect(routes).toHaveLength(11);
  });

  it('takes assertions where data planes have cluster certificates', () => {
    const both = deploy({
      ...twoControlPlanes,
      controlPlanes: {
        prod: {
          ...twoControlPlanes.controlPlanes.prod,
          dataPlaneAuth: { iam: true, clusterCertificate: { certificates: [exampleCertificate] } },
        },
        staging: {
          ...twoControlPlanes.controlPlanes.staging,
          dataPlaneAuth: {
            clusterCertificate: { authorities: [exampleCertificate], commonNames: ['dp', 'data plane'] },
          },
        },
      },
    });

    const authorizations = ofType(both, 'AWS::ApiGatewayV2::Route').map(({ properties }) => [
      properties['RouteKey'],
      properties['AuthorizationType'],
    ]);
    const post = (name: string) => grant(name).replace('GET', 'POST');
    expect(Object.fromEntries(authorizations)).toEqual({
      [hook]: 'NONE',
      [hookOf('prod')]: 'NONE',
      [hookOf('staging')]: 'NONE',
      [grant('prod')]: 'AWS_IAM',
      [post('prod')]: 'NONE',
      [post('staging')]: 'NONE',
      [command('prod')]: 'AWS_IAM',
      [inspect('prod')]: 'AWS_IAM',
      [inspect('staging')]: 'AWS_IAM',
      [revision('prod')]: 'AWS_IAM',
      [revision('staging')]: 'AWS_IAM',
      [command('staging')]: 'AWS_IAM',
    });
    const trusted = (name: string) => {
      const read = v.parse(
        presignEnvironment,
        environment(one(both, 'AWS::Lambda::Function', `Presign${name}`)),
      );
      return [
        read.CLUSTER_CERTIFICATES,
        read.CLUSTER_AUTHORITIES.map(certificateFingerprint),
        read.CLUSTER_COMMON_NAMES,
      ];
    };
    const fingerprint = certificateFingerprint(new X509Certificate(exampleCertificate));
    expect(trusted('prod')).toEqual([[fingerprint], [], []]);
    expect(trusted('staging')).toEqual([[], [fingerprint], ['dp', 'data plane']]);
    expect(Object.keys(both.outputs).filter((name) => /^Grant(Arn|FunctionArn|Url)/.test(name))).toEqual([
      'GrantUrlprod',
      'GrantArnprod',
      'GrantFunctionArnprod',
      'GrantUrlstaging',
    ]);
  });

  it.each([
    [hook, lambdaFunction('Intake')],
    [hookOf('staging'), lambdaFunction('Intake')],
    [grant('prod'), lambdaFunction('Presignprod')],
    [grant('staging'), lambdaFunction('Presignstaging')],
    [command('prod'), lambdaFunction('Exportprod')],
  ])('leads %s to its function', (routeKey, { arn }) => {
    const route = ofType(deployment, 'AWS::ApiGatewayV2::Route').find(
      ({ properties }) => properties['RouteKey'] === routeKey,
    );

    const target = integrations.find(({ id }) => route?.properties['Target'] === `integrations/${id}`);
    expect(target?.properties).toMatchObject({ IntegrationUri: arn, PayloadFormatVersion: '2.0' });
  });

  it('throttles all routes, and names none in its settings that may go with its control plane', () => {
    const throttle = (rate: number, burst: number) => ({
      ThrottlingRateLimit: rate,
      ThrottlingBurstLimit: burst,
      DetailedMetricsEnabled: true,
    });

    expect(stage.properties['DefaultRouteSettings']).toEqual(throttle(40, 40));
    expect(stage.properties['RouteSettings']).toEqual({ [hook]: throttle(10, 10) });
  });

  it('logs who asked for what and how it ended; neither query nor header nor body', () => {
    const { DestinationArn, Format } = v.parse(
      v.object({ AccessLogSettings: v.object({ DestinationArn: v.string(), Format: v.string() }) }),
      stage.properties,
    ).AccessLogSettings;

    const variables = Object.values(v.parse(v.record(v.string(), v.string()), JSON.parse(Format)));
    expect(DestinationArn).toBe(one(deployment, 'AWS::Logs::LogGroup', 'AccessLog').arn);
    expect(new Set(variables)).toEqual(
      new Set([
        '$context.requestTime',
        '$context.requestId',
        '$context.identity.sourceIp',
        '$context.identity.userArn',
        '$context.routeKey',
        '$context.path',
        '$context.status',
        '$context.error.message',
        '$context.authorizer.error',
        '$context.responseLatency',
        '$context.responseLength',
      ]),
    );
  });

  it('logs where no resource policy grows with it, and keeps the log that had no such name yet', () => {
    const { id, properties } = one(deployment, 'AWS::Logs::LogGroup', 'AccessLog');

    expect(properties['LogGroupName']).toMatch(/^\/aws\/vendedlogs\/lifeboat\/Lifeboat\/[\w-]{1,100}$/);
    expect(deployment.template.toJSON()['Resources'][id]).toMatchObject({
      DeletionPolicy: 'Delete',
      UpdateReplacePolicy: 'Retain',
    });
  });

  it('is none for browsers', () => {
    deployment.template.hasResourceProperties('AWS::ApiGatewayV2::Api', {
      ProtocolType: 'HTTP',
      CorsConfiguration: Match.absent(),
    });
  });

  it('deploys itself as the default stage', () => {
    expect(stage.properties).toMatchObject({ StageName: '$default', AutoDeploy: true });
  });

  it('may call its functions on its own routes only', () => {
    const permissions = ofType(deployment, 'AWS::Lambda::Permission').map(({ properties }) => [
      properties['Principal'],
      String(properties['SourceArn']).split('/').slice(1).join('/'),
    ]);

    expect(new Set(permissions.map((permission) => permission.join(' ')))).toEqual(
      new Set([
        'apigateway.amazonaws.com */*/control-planes/prod/commands/{command}',
        'apigateway.amazonaws.com */*/control-planes/staging/commands/{command}',
        'apigateway.amazonaws.com */POST/control-planes/*/events',
        'apigateway.amazonaws.com */*/control-planes/prod/fallback-config',
        'apigateway.amazonaws.com */GET/control-planes/prod/*',
        'apigateway.amazonaws.com */GET/control-planes/staging/*',
        'apigateway.amazonaws.com */*/control-planes/staging/fallback-config',
      ]),
    );
  });
});
