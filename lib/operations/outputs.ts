import { CfnOutput } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { formatOutputPrefix } from '../conventions/deployment-name.ts';
import type { GrantGiver, GrantUnit } from '../grants/grant-giver.ts';

/**
 * Adds an output that a person needs for the next step. `lifeboat --stack` reads them (cli/deployment.ts).
 *
 * @param deployment the construct that is the whole deployment; a stack that has several has outputs of each
 */
export function addOutput(deployment: Construct, id: string, description: string, value: string): void {
  const all = deployment.node.tryFindChild('Outputs') ?? new Construct(deployment, 'Outputs');
  const output = new CfnOutput(all as Construct, id, { description, value });
  output.overrideLogicalId(`${formatOutputPrefix(deployment)}${id}`);
}

/**
 * CloudFormation accepts letters and digits only. Names have no capital letters, so different names stay
 * different.
 */
export function makeOutputId(name: string, controlPlane: string): string {
  return `${name}${controlPlane.replaceAll('-', 'X')}`;
}

export function addApiOutputs<Unit extends GrantUnit>(deployment: GrantGiver<Unit>): void {
  const { apiUrl, defaultApiUrl, domainTarget } = deployment;
  addOutput(deployment, 'ApiUrl', 'Base URL for data planes (--endpoint)', apiUrl);
  if (defaultApiUrl !== undefined) {
    addOutput(
      deployment,
      'DefaultApiUrl',
      'Base URL that needs no certificate or DNS record of yours',
      defaultApiUrl,
    );
  }
  if (domainTarget !== undefined) {
    addOutput(deployment, 'DomainTarget', 'Target of the CNAME record for your domain', domainTarget);
  }
}

/** Where data planes of one control plane ask for grants, and what they need for it. */
export function addGrantOutputs(deployment: Construct, unit: GrantUnit): void {
  const { controlPlane, grantUrl, grantArn, grantFunctionArn, dataPlaneAuth } = unit;
  addOutput(
    deployment,
    makeOutputId('GrantUrl', controlPlane),
    `URL where data planes of ${controlPlane} ask for grants`,
    grantUrl,
  );
  if (dataPlaneAuth.iam) {
    addOutput(
      deployment,
      makeOutputId('GrantArn', controlPlane),
      `Allow the roles of data planes of ${controlPlane} execute-api:Invoke on this`,
      grantArn,
    );
    addOutput(
      deployment,
      makeOutputId('GrantFunctionArn', controlPlane),
      `Function that data planes of ${controlPlane} in private networks invoke (--endpoint); allow their roles lambda:InvokeFunction on it`,
      grantFunctionArn,
    );
  }
}

/** What a trail of the deployer's needs, where the settings ask for it. */
export function addDataEventOutput(
  deployment: Construct & { readonly dataEventSelector: string | undefined },
): void {
  if (deployment.dataEventSelector !== undefined) {
    addOutput(
      deployment,
      'DataEventSelector',
      'Advanced event selector to add to a trail of CloudTrail of yours (put-event-selectors)',
      deployment.dataEventSelector,
    );
  }
}
