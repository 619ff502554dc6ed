import { describe, expect, it } from '@jest/globals';
import { hookedControlPlane } from '../../lambdas/hook-event.ts';

describe('a hook is of the control plane', () => {
  it.each([
    ['that its route names', 'POST /control-planes/prod-1/events', undefined, 'prod-1'],
    [
      'that stands in the path of the route for all other names',
      'POST /control-planes/{controlPlane}/events',
      { controlPlane: 'other' },
      'other',
    ],
    ['of no name, where the event is of no such route', '$default', undefined, ''],
  ])('%s', (_what, routeKey, pathParameters, name) => {
    expect(hookedControlPlane({ routeKey, ...(pathParameters && { pathParameters }) })).toBe(name);
  });
});
