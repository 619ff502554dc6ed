import type { MatrixNames } from '../names.ts';
import { tls } from './requests.ts';
import { type MatrixRow, row } from './row.ts';

/** Calling the functions, and acting as the roles of the deployment. */
export function roleRows(names: MatrixNames): readonly MatrixRow[] {
  const reader = names.principalArn('reader prod');
  const exportRole = names.principalArn('export prod');
  const exporter = names.arnOf('AWS::Lambda::Function', 'ExportprodFunction');
  const presigner = names.arnOf('AWS::Lambda::Function', 'PresignprodFunction');
  const otherPresigner = names.arnOf('AWS::Lambda::Function', 'PresignstagingFunction');

  return [
    row(
      'lambda:InvokeFunction',
      'presign function of prod',
      presigner,
      tls,
      '',
      'data plane prod',
      'administrator',
    ),
    row('lambda:InvokeFunction', 'presign function of staging', otherPresigner, tls, '', 'administrator'),
    row(
      'lambda:InvokeFunction',
      'a version of the presign function of prod',
      `${presigner}:1`,
      tls,
      '',
      'administrator',
    ),
    row('lambda:InvokeFunction', 'export function of prod', exporter, tls, '', 'administrator'),
    row('sts:AssumeRole', 'reader role of prod', reader, tls, '', 'trusted account'),
    row('sts:AssumeRole', 'presign role of prod', names.principalArn('presign prod'), tls, ''),
    row('sts:AssumeRole', 'export role of prod', exportRole, tls, ''),

    // Who may change roles and functions can act as them. No bucket or key policy keeps an administrator from
    // that.
    row('iam:UpdateAssumeRolePolicy', 'export role of prod', exportRole, tls, '', 'administrator'),
    row(
      'iam:PutRolePolicy',
      'presign role of prod',
      names.principalArn('presign prod'),
      tls,
      '',
      'administrator',
    ),
    row('lambda:UpdateFunctionCode', 'export function of prod', exporter, tls, '', 'administrator'),
  ];
}
