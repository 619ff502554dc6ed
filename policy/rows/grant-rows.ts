import type { Variant } from '../deployment.ts';
import { type MatrixNames, routeArn } from '../names.ts';
import { principalsOf } from '../principals.ts';
import { tls } from './requests.ts';
import { type MatrixRow, rowsAbout } from './row.ts';

/** Asking the HTTP API for grants. */
export function grantRows(names: MatrixNames, variant: Variant): readonly MatrixRow[] {
  const on = (resource: string, route: string) => rowsAbout(resource, routeArn(names.apiId, route));
  const prod = 'control-planes/prod/fallback-config';
  const staging = 'control-planes/staging/fallback-config';
  // Open where there are cluster certificates, for the function checks the assertion. Otherwise there is no
  // such route.
  const posters = variant.clusterCertificate ? principalsOf(variant) : (['administrator'] as const);
  const invoke = 'execute-api:Invoke';

  return [
    on('grants of prod', `GET/${prod}`)(
      ...([invoke, tls, ''] as const),
      // The inspect function plays drills: a data plane of its own control plane.
      ...(['inspect prod', 'data plane prod', 'reader prod', 'administrator'] as const),
    ),
    on('grants of staging', `GET/${staging}`)(invoke, tls, '', 'inspect staging', 'administrator'),
    on('grants of prod, by POST', `POST/${prod}`)(invoke, tls, '', ...posters),
    on('grants of staging, by POST', `POST/${staging}`)(invoke, tls, '', 'administrator'),
    on('below grants of prod', `GET/${prod}/x`)(invoke, tls, '', 'administrator'),
    on('below grants of prod, by POST', `POST/${prod}/x`)(invoke, tls, '', 'administrator'),
  ];
}
