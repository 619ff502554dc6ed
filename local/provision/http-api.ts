import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { type HttpApi, localApiId, startHttpApi } from '../../simulators/aws/api-gateway.ts';
import { type Account, findFunction } from './account.ts';
import { resourceType, withoutEffect } from './resource-type.ts';

export const apiType = resourceType(
  {
    ProtocolType: v.literal('HTTP'),
    Name: withoutEffect,
    Description: withoutEffect,
    // One address of this machine serves both.
    IpAddressType: withoutEffect,
    Tags: withoutEffect,
  },
  async (account, logicalId) => {
    const { region, accountId, aws, port, mayNot } = account;
    const api = await startHttpApi({
      region,
      accountId,
      identities: aws.identities,
      guard: mayNot,
      now: () => new Date(),
      port,
    });
    account.api = api;
    account.running.push(api);
    account.checks.push(async () => {
      if (!api.hasStage()) {
        throw new Error(`${logicalId} has no AWS::ApiGatewayV2::Stage, so it answers no request`);
      }
    });
    return { ref: localApiId, arn: '', attributes: { ApiEndpoint: api.url } };
  },
);

export const integrationType = resourceType(
  {
    ApiId: v.string(),
    IntegrationType: v.literal('AWS_PROXY'),
    IntegrationUri: v.string(),
    PayloadFormatVersion: v.literal('2.0'),
  },
  (account, logicalId, { IntegrationUri }) => {
    account.integrations.set(logicalId, findFunction(account, IntegrationUri));
    return { ref: logicalId, arn: '' };
  },
);

export const routeType = resourceType(
  {
    ApiId: v.string(),
    RouteKey: v.string(),
    AuthorizationType: v.optional(v.picklist(['AWS_IAM', 'NONE']), 'NONE'),
    Target: v.string(),
  },
  (account, logicalId, { RouteKey, AuthorizationType, Target }) => {
    const integration = account.integrations.get(Target.replace('integrations/', ''));
    if (integration === undefined) {
      throw new Error(`its target ${Target} is no integration`);
    }
    theApi(account).createRoute({
      key: RouteKey,
      authorization: AuthorizationType,
      function: {
        arn: integration.arn,
        invoke: (event) =>
          integration.lambda.invoke(event).catch((error: unknown) => {
            account.refusals.push(error instanceof Error ? error.message : String(error));
            throw error;
          }),
      },
    });
    return { ref: logicalId, arn: '' };
  },
);

const throttle = v.pipe(
  v.strictObject({
    ThrottlingRateLimit: v.number(),
    ThrottlingBurstLimit: v.number(),
    DetailedMetricsEnabled: withoutEffect,
  }),
  v.transform(({ ThrottlingRateLimit, ThrottlingBurstLimit }) => ({
    perSecond: ThrottlingRateLimit,
    burst: ThrottlingBurstLimit,
  })),
);

export const stageType = resourceType(
  {
    ApiId: v.string(),
    StageName: v.literal('$default'),
    AutoDeploy: v.literal(true),
    AccessLogSettings: v.strictObject({ DestinationArn: v.string(), Format: v.string() }),
    DefaultRouteSettings: throttle,
    RouteSettings: v.record(v.string(), throttle),
    StageVariables: v.optional(v.record(v.string(), v.string())),
    Tags: withoutEffect,
  },
  (account, logicalId, { AccessLogSettings, DefaultRouteSettings, RouteSettings, StageVariables }) => {
    const log = createWriteStream(join(account.logDirectory, 'api.log'), { flags: 'a', mode: 0o600 });
    account.running.push({ stop: () => new Promise((resolve) => log.end(resolve)) });
    theApi(account).createStage({
      throttles: new Map(Object.entries(RouteSettings)),
      defaultThrottle: DefaultRouteSettings,
      onAnswered: ({ routeKey, status }) => {
        const [Method = '', Resource = ''] = routeKey.split(' ');
        const answered = {
          at: new Date(),
          namespace: 'AWS/ApiGateway',
          functionId: routeKey,
          dimensions: { ApiId: localApiId, Stage: '$default', Method, Resource },
        };
        const isOf = (hundred: number) => Number(Math.floor(status / 100) === hundred);
        account.measurements.push(
          { ...answered, name: 'Count', value: 1 },
          { ...answered, name: '4xx', value: isOf(4) },
          { ...answered, name: '5xx', value: isOf(5) },
        );
      },
      variables: StageVariables,
      onNoRoute: ({ method, path }) =>
        account.refusals.push(`the HTTP API has no route for ${method} ${path}`),
      logFormat: AccessLogSettings.Format,
      log: (line) => log.write(`${line}\n`),
    });
    return { ref: logicalId, arn: '' };
  },
);

function theApi({ api }: Account): HttpApi {
  if (api === undefined) {
    throw new Error('there is no HTTP API');
  }
  return api;
}
