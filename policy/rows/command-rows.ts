import { type MatrixNames, routeArn } from '../names.ts';
import type { PrincipalName } from '../principals.ts';
import { noTls, tls } from './requests.ts';
import { type MatrixRow, rowsAbout } from './row.ts';

/**
 * Sending commands and asking about revisions over the HTTP API. The function that follows commands checks
 * its callers once more, against the roles that were granted: an administrator whose policies let it invoke
 * every API is refused there.
 */
export function commandRows(names: MatrixNames): readonly MatrixRow[] {
  const on = (resource: string, route: string) =>
    rowsAbout(resource, routeArn(names.apiId, `POST/control-planes/${route}`));
  const invoke = 'execute-api:Invoke';
  const queueOfStaging = rowsAbout('queue of staging', names.arnOf('AWS::SQS::Queue', 'ExportstagingQueue'));

  const peoplesRoute = (what: string, route: string, allowed: PrincipalName) =>
    (['prod', 'staging'] as const).map((controlPlane) =>
      rowsAbout(
        `${what} of ${controlPlane}`,
        routeArn(names.apiId, `GET/control-planes/${controlPlane}/${route}`),
      )(invoke, tls, '', ...(controlPlane === 'prod' ? [allowed] : []), 'administrator'),
    );

  return [
    ...['rollback', 'export'].map((command) =>
      on(`command ${command} of prod`, `prod/commands/${command}`)(
        invoke,
        tls,
        '',
        'operator prod',
        'administrator',
      ),
    ),
    on('command unpin of prod', 'prod/commands/unpin')(
      invoke,
      tls,
      '',
      'operator prod',
      'unpinner prod',
      'administrator',
    ),
    on('command rollback of staging', 'staging/commands/rollback')(invoke, tls, '', 'administrator'),
    // The right to inspect is for that one route of that one control plane.
    ...['GET/control-planes/prod/inspect/more', 'POST/control-planes/prod/inspect'].map((route) =>
      rowsAbout(route, routeArn(names.apiId, route))(invoke, tls, '', 'administrator'),
    ),
    ...peoplesRoute('inspection', 'inspect', 'inspector prod'),
    // The history with all its secrets: neither a data plane's right nor one to look or to operate is enough.
    ...peoplesRoute('revision grants', 'revision-grant', 'revision fetcher prod'),
    queueOfStaging('sqs:SendMessage', tls, '', 'export staging', 'webhook', 'administrator'),
    queueOfStaging('sqs:SendMessage', noTls, 'without TLS'),
  ];
}
