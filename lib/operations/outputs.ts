import { CfnOutput, type Stack } from 'aws-cdk-lib';
import type { Api } from '../api/api.ts';
import type { GrantUnit } from '../grants/grant-giver.ts';

/** Says what a person needs next. */
export function addOutput(stack: Stack, id: string, description: string, value: string): void {
  new CfnOutput(stack, id, { description, value });
}

/** CloudFormation takes letters and digits only, and no name has a capital letter: no two names become one. */
export function makeOutputId(name: string, controlPlane: string): string {
  return `${name}${controlPlane.replaceAll('-', 'X')}`;
}

export function addApiOutputs(stack: Stack, { url, domain, defaultUrl }: Api): void {
  addOutput(stack, 'ApiUrl', 'Base URL for data planes (--endpoint)', url);
  if (domain !== undefined && defaultUrl !== undefined) {
    addOutput(stack, 'DefaultApiUrl', 'Base URL that needs neither certificate nor DNS of yours', defaultUrl);
  }
  if (domain?.target !== undefined) {
    addOutput(stack, 'DomainTarget', 'What your domain has to lead to (CNAME)', domain.target);
  }
}

/** Where data planes of one control plane ask for grants, and what they need for it. */
export function addGrantOutputs(stack: Stack, unit: GrantUnit): void {
  const { controlPlane, grantUrl, grantArn, presign, dataPlaneAuth } = unit;
  addOutput(
    stack,
    makeOutputId('GrantUrl', controlPlane),
    `Where data planes of ${controlPlane} get their URL`,
    grantUrl,
  );
  if (dataPlaneAuth.iam) {
    addOutput(
      stack,
      makeOutputId('GrantArn', controlPlane),
      `What a data plane’s role of ${controlPlane} needs execute-api:Invoke on`,
      grantArn,
    );
    addOutput(
      stack,
      makeOutputId('GrantFunctionArn', controlPlane),
      `What data planes of ${controlPlane} in private networks invoke (--endpoint), and need lambda:InvokeFunction on`,
      presign.presigner.functionArn,
    );
  }
}
