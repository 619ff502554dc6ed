import type { Variant } from '../deployment.ts';
import { type MatrixNames, routeArn } from '../names.ts';
import { principalsOf } from '../principals.ts';
import { tls } from './requests.ts';
import { type MatrixRow, row } from './row.ts';

/** Asking the HTTP API for grants. */
export function grantRows(names: MatrixNames, variant: Variant): readonly MatrixRow[] {
  const grants = (controlPlane: string, method: 'GET' | 'POST' = 'GET') =>
    routeArn(names.apiId, `${method}/control-planes/${controlPlane}/fallback-config`);

  return [
    row(
      'execute-api:Invoke',
      'grants of prod',
      grants('prod'),
      tls,
      '',
      'data plane prod',
      'reader prod',
      'administrator',
    ),
    row('execute-api:Invoke', 'grants of staging', grants('staging'), tls, '', 'administrator'),
    row(
      'execute-api:Invoke',
      'grants of prod, by POST',
      grants('prod', 'POST'),
      tls,
      '',
      // Open where there are cluster certificates, for the function checks the assertion. Otherwise there is
      // no such
      // route.
      ...(variant.clusterCertificate ? principalsOf(variant) : (['administrator'] as const)),
    ),
    row(
      'execute-api:Invoke',
      'grants of staging, by POST',
      grants('staging', 'POST'),
      tls,
      '',
      'administrator',
    ),
    row('execute-api:Invoke', 'below grants of prod', `${grants('prod')}/x`, tls, '', 'administrator'),
    row(
      'execute-api:Invoke',
      'below grants of prod, by POST',
      `${grants('prod', 'POST')}/x`,
      tls,
      '',
      'administrator',
    ),
  ];
}
