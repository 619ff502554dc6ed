import * as v from 'valibot';
import type { SynthesizedTemplate } from './template.ts';

/** A token bucket: requests per second, and how many may come at once. */
export interface RouteThrottle {
  readonly perSecond: number;
  readonly burst: number;
}

const throttle = v.pipe(
  v.object({ ThrottlingRateLimit: v.number(), ThrottlingBurstLimit: v.number() }),
  v.transform(({ ThrottlingRateLimit, ThrottlingBurstLimit }) => ({
    perSecond: ThrottlingRateLimit,
    burst: ThrottlingBurstLimit,
  })),
);
const stage = v.object({
  DefaultRouteSettings: throttle,
  RouteSettings: v.optional(v.record(v.string(), throttle), {}),
});
const route = v.object({ RouteKey: v.string(), AuthorizationType: v.optional(v.string(), 'NONE') });

export interface ThrottledRoute extends RouteThrottle {
  /** As API Gateway writes it: `GET /control-planes/prod/inspect`. */
  readonly key: string;
  readonly isSigned: boolean;
}

/**
 * The routes of a template's HTTP API, each with the throttle that it has.
 *
 * @throws Error when the template has no stage
 */
export function listThrottledRoutes({
  Resources,
}: Pick<SynthesizedTemplate, 'Resources'>): readonly ThrottledRoute[] {
  const ofType = (type: string) => Object.values(Resources).filter(({ Type }) => Type === type);
  const [found] = ofType('AWS::ApiGatewayV2::Stage');
  if (found === undefined) {
    throw new Error('the template has no AWS::ApiGatewayV2::Stage');
  }
  const { DefaultRouteSettings, RouteSettings } = v.parse(stage, found.Properties);
  return ofType('AWS::ApiGatewayV2::Route').map(({ Properties }) => {
    const { RouteKey: key, AuthorizationType } = v.parse(route, Properties);
    return { key, isSigned: AuthorizationType !== 'NONE', ...(RouteSettings[key] ?? DefaultRouteSettings) };
  });
}

/** @throws Error when the template has no such route */
export function readRouteThrottle(template: SynthesizedTemplate, routeKey: string): RouteThrottle {
  const found = listThrottledRoutes(template).find(({ key }) => key === routeKey);
  if (found === undefined) {
    throw new Error(`the template has no route ${routeKey}`);
  }
  return found;
}
