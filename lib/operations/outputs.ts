import { CfnOutput, type Stack } from 'aws-cdk-lib';
import type { Api } from '../api/api.ts';
import type { GrantUnit } from '../grants/grant-giver.ts';

/** Adds an output that a person needs for the next step. */
export function addOutput(stack: Stack, id: string, description: string, value: string): void {
  new CfnOutput(stack, id, { description, value });
}

/**
 * CloudFormation accepts letters and digits only. Names have no capital letters, so different names stay
 * different.
 */
export function makeOutputId(name: string, controlPlane: string): string {
  return `${name}${controlPlane.replaceAll('-', 'X')}`;
}

export function addApiOutputs(stack: Stack, { url, domain, defaultUrl }: Api): void {
  addOutput(stack, 'ApiUrl', 'Base URL for data planes (--endpoint)', url);
  if (domain !== undefined && defaultUrl !== undefined) {
    addOutput(
      stack,
      'DefaultApiUrl',
      'Base URL that needs no certificate or DNS record of yours',
      defaultUrl,
    );
  }
  if (domain?.target !== undefined) {
    addOutput(stack, 'DomainTarget', 'Target of the CNAME record for your domain', domain.target);
  }
}

/** Where data planes of one control plane ask for grants, and what they need for it. */
export function addGrantOutputs(stack: Stack, unit: GrantUnit): void {
  const { controlPlane, grantUrl, grantArn, presign, dataPlaneAuth } = unit;
  addOutput(
    stack,
    makeOutputId('GrantUrl', controlPlane),
    `URL where data planes of ${controlPlane} ask for grants`,
    grantUrl,
  );
  if (dataPlaneAuth.iam) {
    addOutput(
      stack,
      makeOutputId('GrantArn', controlPlane),
      `Allow the roles of data planes of ${controlPlane} execute-api:Invoke on this`,
      grantArn,
    );
    addOutput(
      stack,
      makeOutputId('GrantFunctionArn', controlPlane),
      `Function that data planes of ${controlPlane} in private networks invoke (--endpoint); allow their roles lambda:InvokeFunction on it`,
      presign.presigner.functionArn,
    );
  }
}
