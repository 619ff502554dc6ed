import { CfnDeletionPolicy, Names, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as apigateway from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpIamAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { grantPath } from '../../core/access/assertion.ts';
import { acknowledge } from '../conventions/acknowledge.ts';
import { formatVendedLogPrefix } from '../conventions/deployment-name.ts';
import { routeThrottle, type Throttle, unknownHookThrottle } from '../settings/api-throttles.ts';
import type { DataPlaneAuthSettings, DomainSettings } from '../settings/settings.ts';
import { Domain } from './domain.ts';

export interface ApiProps {
  readonly logRetentionDays: number;
  readonly logKey: kms.IKey | undefined;
  /** @default the name that API Gateway gives */
  readonly domain?: DomainSettings | undefined;
  /** Lets the API be called over IPv6, too, by the same names. */
  readonly ipv6: boolean;
}

/**
 * What API Gateway counts of a route (API Gateway Developer Guide, "Monitor CloudWatch metrics for HTTP
 * APIs").
 */
export type RouteMetricName = '4xx' | '5xx' | 'Count';

/** Each control plane has a hook route of its own. The one with the parameter takes all other names. */
const hookPath = (controlPlane = '{controlPlane}') => `/control-planes/${controlPlane}/events`;

/** Each control plane has a route of its own, whose parameter names the command. */
const commandPath = (controlPlane: string, command = '{command}') =>
  `/control-planes/${controlPlane}/commands/${command}`;

const inspectPath = (controlPlane: string) => `/control-planes/${controlPlane}/inspect`;

const revisionGrantPath = (controlPlane: string) => `/control-planes/${controlPlane}/revision-grant`;

/** CDK gives each route of an integration a permission of its own, a resource each. */
class IntegrationWithoutPermission extends HttpLambdaIntegration {
  protected override completeBind(): void {
    // Who adds the routes adds the permission.
  }
}

/**
 * The HTTP API: event hooks and commands in, grants out. Each route has a throttle, and each control plane
 * routes of its own, so that a flood of one blocks neither grants nor the hooks of another.
 */
export class Api extends Construct {
  /** Base URL: the domain's, where there is one. */
  readonly url: string;
  /** Base URL by the name that API Gateway gives; undefined where it is closed. */
  readonly defaultUrl: string | undefined;
  readonly domain: Domain | undefined;
  /**
   * What the stage says in each event. It is no secret of people, and nobody knows it by whom functions are
   * invoked directly: the stack's id has a part that AWS draws.
   *
   * @internal
   */
  readonly origin: string;
  readonly #api: apigateway.HttpApi;
  readonly #stage: apigateway.CfnStage;

  /** @internal */
  constructor(scope: Construct, id: string, props: ApiProps) {
    super(scope, id);
    this.#api = new apigateway.HttpApi(this, 'HttpApi', {
      description: 'Lifeboat: what control planes and data planes call',
      createDefaultStage: false,
      ...(props.domain?.disableDefaultEndpoint ? { disableExecuteApiEndpoint: true } : {}),
      ...(props.ipv6 ? { ipAddressType: apigateway.IpAddressType.DUAL_STACK } : {}),
    });
    const accessLog = new logs.LogGroup(this, 'AccessLog', {
      retention: props.logRetentionDays,
      ...(props.logKey === undefined ? {} : { encryptionKey: props.logKey }),
      removalPolicy: RemovalPolicy.DESTROY,
      logGroupName: `${formatVendedLogPrefix(this)}${Names.uniqueResourceName(this, { maxLength: 100 })}`,
    });
    // The one that had no name yet keeps its lines until their time is over.
    (accessLog.node.defaultChild as logs.CfnLogGroup).cfnOptions.updateReplacePolicy =
      CfnDeletionPolicy.RETAIN;
    this.origin = Stack.of(this).stackId;
    this.#stage = new apigateway.CfnStage(this, 'Stage', {
      apiId: this.#api.apiId,
      stageName: '$default',
      autoDeploy: true,
      stageVariables: { origin: this.origin },
      defaultRouteSettings: {
        throttlingRateLimit: routeThrottle.perSecond,
        throttlingBurstLimit: routeThrottle.burst,
        detailedMetricsEnabled: true,
      },
      accessLogSettings: {
        destinationArn: accessLog.logGroupArn,
        // No query and no header: they may hold secrets, which must not be logged.
        format: JSON.stringify({
          time: '$context.requestTime',
          requestId: '$context.requestId',
          sourceIp: '$context.identity.sourceIp',
          caller: '$context.identity.userArn',
          route: '$context.routeKey',
          path: '$context.path',
          status: '$context.status',
          error: '$context.error.message',
          authorizerError: '$context.authorizer.error',
          latencyMs: '$context.responseLatency',
          responseBytes: '$context.responseLength',
        }),
      },
    });
    // The default stage has no path: the API's own endpoint is the base URL.
    this.defaultUrl = props.domain?.disableDefaultEndpoint ? undefined : this.#api.apiEndpoint;
    this.domain =
      props.domain === undefined
        ? undefined
        : new Domain(this, 'Domain', { settings: props.domain, stage: this.#stage, ipv6: props.ipv6 });
    this.url = this.domain?.url ?? this.#api.apiEndpoint;
  }

  /**
   * Event hooks: open to the internet; the function verifies the signature. API Gateway takes the route that
   * fits without a parameter first, so a flood of one control plane's hooks throttles no other's.
   *
   * @internal
   */
  addHookRoutes(controlPlanes: readonly string[], handler: lambda.IFunction): void {
    const integration = new IntegrationWithoutPermission('Hook', handler);
    // One for all, as for inspections.
    handler.addPermission('Api', {
      principal: new iam.ServicePrincipal('apigateway.amazonaws.com'),
      sourceArn: this.#arnOf(`*/POST${hookPath('*')}`),
    });
    for (const path of [hookPath(), ...controlPlanes.map((name) => hookPath(name))]) {
      const [route] = this.#api.addRoutes({ path, methods: [apigateway.HttpMethod.POST], integration });
      if (route === undefined) {
        continue;
      }
      if (path === hookPath()) {
        this.#throttle(`POST ${path}`, unknownHookThrottle);
        // A stage's settings may name only routes that exist.
        this.#stage.node.addDependency(route);
      }
      acknowledge(
        route,
        'AwsSolutions-APIG4',
        'Kong cannot sign with IAM: its hooks carry an HMAC of the body, which the function checks before anything else.',
      );
    }
  }

  /**
   * Grants for one control plane, on a path of its own, so that a role can be allowed exactly this one.
   *
   * @internal
   */
  addGrantRoutes(controlPlane: string, handler: lambda.IFunction, auth: DataPlaneAuthSettings): void {
    const path = grantPath(controlPlane);
    const integration = new HttpLambdaIntegration(`Grant-${controlPlane}`, handler);
    if (auth.iam) {
      this.#api.addRoutes({
        path,
        methods: [apigateway.HttpMethod.GET],
        integration,
        authorizer: new HttpIamAuthorizer(),
      });
    }
    if (auth.clusterCertificate !== undefined) {
      const [route] = this.#api.addRoutes({ path, methods: [apigateway.HttpMethod.POST], integration });
      if (route !== undefined) {
        acknowledge(
          route,
          'AwsSolutions-APIG4',
          'For data planes without AWS credentials: the function checks an assertion that their cluster certificate’s key has signed, before anything else.',
        );
      }
    }
  }

  /**
   * Operators' commands to one control plane; the function checks their callers once more.
   *
   * @internal
   */
  addCommandRoute(controlPlane: string, handler: lambda.IFunction): void {
    this.#api.addRoutes({
      path: commandPath(controlPlane),
      methods: [apigateway.HttpMethod.POST],
      integration: new HttpLambdaIntegration(`Command-${controlPlane}`, handler),
      authorizer: new HttpIamAuthorizer(),
    });
  }

  /**
   * People's questions about one control plane's files, and grants of its revisions: a right each.
   *
   * @internal
   */
  addInspectRoutes(controlPlane: string, handler: lambda.IFunction): void {
    const integration = new IntegrationWithoutPermission(`Inspect-${controlPlane}`, handler);
    // One for both: a stack with ten control planes has few resources left.
    handler.addPermission('Api', {
      principal: new iam.ServicePrincipal('apigateway.amazonaws.com'),
      sourceArn: this.#arnOf(`*/GET/control-planes/${controlPlane}/*`),
    });
    for (const path of [inspectPath(controlPlane), revisionGrantPath(controlPlane)]) {
      this.#api.addRoutes({
        path,
        methods: [apigateway.HttpMethod.GET],
        integration,
        authorizer: new HttpIamAuthorizer(),
      });
    }
  }

  /** Where event hooks of a control plane go. */
  hookUrl(controlPlane: string): string {
    return `${this.url}${hookPath(controlPlane)}`;
  }

  /** Where data planes of a control plane ask for grants. */
  grantUrl(controlPlane: string): string {
    return `${this.url}${grantPath(controlPlane)}`;
  }

  /** ARN that a data plane's role needs `execute-api:Invoke` on. */
  grantArn(controlPlane: string): string {
    return this.#routeArn(`GET${grantPath(controlPlane)}`);
  }

  /** ARN that an operator's role needs `execute-api:Invoke` on. */
  commandArn(controlPlane: string, command = '*'): string {
    return this.#routeArn(`POST${commandPath(controlPlane, command)}`);
  }

  /** ARN that the role of somebody who may look needs `execute-api:Invoke` on. */
  inspectArn(controlPlane: string): string {
    return this.#routeArn(`GET${inspectPath(controlPlane)}`);
  }

  /** ARN that the role of somebody who may have any revision needs `execute-api:Invoke` on. */
  revisionGrantArn(controlPlane: string): string {
    return this.#routeArn(`GET${revisionGrantPath(controlPlane)}`);
  }

  #routeArn(route: string): string {
    return this.#arnOf(`$default/${route}`);
  }

  #arnOf(resourceName: string): string {
    return Stack.of(this).formatArn({ service: 'execute-api', resource: this.#api.apiId, resourceName });
  }

  hookMetric(controlPlane: string, metricName: RouteMetricName): cloudwatch.Metric {
    return this.#routeMetric(metricName, 'POST', hookPath(controlPlane));
  }

  grantMetric(
    controlPlane: string,
    metricName: RouteMetricName,
    method: 'GET' | 'POST' = 'GET',
  ): cloudwatch.Metric {
    return this.#routeMetric(metricName, method, grantPath(controlPlane));
  }

  #routeMetric(metricName: RouteMetricName, method: string, resource: string): cloudwatch.Metric {
    return new cloudwatch.Metric({
      namespace: 'AWS/ApiGateway',
      metricName,
      dimensionsMap: { ApiId: this.#api.apiId, Stage: '$default', Method: method, Resource: resource },
      statistic: cloudwatch.Stats.SUM,
    });
  }

  #throttle(routeKey: string, throttle: Throttle): void {
    // L1, where the keys are CloudFormation's own; it takes no default for what is left out.
    this.#stage.routeSettings = {
      [routeKey]: {
        ThrottlingRateLimit: throttle.perSecond,
        ThrottlingBurstLimit: throttle.burst,
        DetailedMetricsEnabled: true,
      },
    };
  }
}
