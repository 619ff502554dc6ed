import type { APIGatewayProxyEventV2 } from 'aws-lambda';

/**
 * The control plane that a hook was sent to: its own route has its name, and the route of all other names has
 * a parameter (lib/api/api.ts).
 */
export function hookedControlPlane({
  routeKey,
  pathParameters,
}: Pick<APIGatewayProxyEventV2, 'routeKey' | 'pathParameters'>): string {
  const [, ofRoute] = /^POST \/control-planes\/([a-z0-9-]+)\/events$/.exec(routeKey) ?? [];
  return ofRoute ?? pathParameters?.['controlPlane'] ?? '';
}
