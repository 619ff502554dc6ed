import type { MatrixNames } from '../names.ts';
import type { PrincipalName } from '../principals.ts';
import { tls } from './requests.ts';
import { type MatrixRow, rowsAbout } from './row.ts';

/** Calling the functions, and acting as the roles of the deployment. */
export function roleRows(names: MatrixNames): readonly MatrixRow[] {
  const onFunction = (what: string, start: string, suffix = '') =>
    rowsAbout(what, `${names.arnOf('AWS::Lambda::Function', start)}${suffix}`);
  const onRole = (what: string, role: PrincipalName) => rowsAbout(what, names.principalArn(role));
  const onPresigner = onFunction('presign function of prod', 'PresignprodFunction');
  const onVersion = onFunction('a version of the presign function of prod', 'PresignprodFunction', ':1');
  const onOtherPresigner = onFunction('presign function of staging', 'PresignstagingFunction');
  const onExporter = onFunction('export function of prod', 'ExportprodFunction');
  const onInspector = onFunction('inspect function of prod', 'InspectprodFunction');
  const onInspectorVersion = onFunction(
    'a version of the inspect function of prod',
    'InspectprodFunction',
    ':1',
  );
  const onOtherInspector = onFunction('inspect function of staging', 'InspectstagingFunction');
  const onListener = onFunction('listener of prod', 'ListenprodFunction');
  const onListenerVersion = onFunction('a version of the listener of prod', 'ListenprodFunction', ':1');
  const onPresignRole = onRole('presign role of prod', 'presign prod');
  const onExportRole = onRole('export role of prod', 'export prod');
  const onInspectRole = onRole('inspect role of prod', 'inspect prod');

  return [
    onPresigner('lambda:InvokeFunction', tls, '', 'data plane prod', 'administrator'),
    onOtherPresigner('lambda:InvokeFunction', tls, '', 'administrator'),
    onVersion('lambda:InvokeFunction', tls, '', 'administrator'),
    onExporter('lambda:InvokeFunction', tls, '', 'administrator'),
    // Whoever could invoke it would ask unsigned: neither data planes nor inspectors may.
    onInspector('lambda:InvokeFunction', tls, '', 'drills’ schedule', 'administrator'),
    onOtherInspector('lambda:InvokeFunction', tls, '', 'drills’ schedule', 'administrator'),
    onInspectorVersion('lambda:InvokeFunction', tls, '', 'administrator'),
    onListener('lambda:InvokeFunction', tls, '', 'listener’s schedule prod', 'administrator'),
    onListenerVersion('lambda:InvokeFunction', tls, '', 'administrator'),
    onRole('reader role of prod', 'reader prod')('sts:AssumeRole', tls, '', 'trusted account'),
    onPresignRole('sts:AssumeRole', tls, ''),
    onExportRole('sts:AssumeRole', tls, ''),
    onInspectRole('sts:AssumeRole', tls, ''),
    onRole('role of the listener of prod', 'listener prod')('sts:AssumeRole', tls, ''),

    // Who may change roles and functions can act as them. No bucket or key policy keeps an administrator from
    // that.
    onExportRole('iam:UpdateAssumeRolePolicy', tls, '', 'administrator'),
    onPresignRole('iam:PutRolePolicy', tls, '', 'administrator'),
    onInspectRole('iam:PutRolePolicy', tls, '', 'administrator'),
    onInspectRole('iam:UpdateAssumeRolePolicy', tls, '', 'administrator'),
    onExporter('lambda:UpdateFunctionCode', tls, '', 'administrator'),
    onInspector('lambda:UpdateFunctionCode', tls, '', 'administrator'),
  ];
}
