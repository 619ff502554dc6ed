import { Stack, Token, TokenComparison } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import type { DataPlaneAuthSettings } from '../settings/settings.ts';
import type { Presign } from './presign.ts';

/** What gives grants for a control plane, in one region. */
export interface BootUnit {
  /** What a data plane's role needs `execute-api:Invoke` on. */
  readonly grantArn: string;
  readonly presign: Presign;
  readonly dataPlaneAuth: DataPlaneAuthSettings;
}

/** By the name of the control plane. */
export type BootUnits = ReadonlyMap<string, BootUnit>;

/**
 * Lets data planes ask for grants of exactly one control plane. CDK's own grant of a route would open those of all stages.
 *
 * @param api - whose grants they are
 * @throws Error when there is no such control plane, its data planes do not use IAM, or the grantee takes no policy (a role of another
 * account)
 */
export function grantBootstrap(
  api: Construct,
  units: BootUnits,
  grantee: iam.IGrantable,
  controlPlane: string,
): iam.Grant {
  return grant(api, units, controlPlane, grantee, ({ grantArn }) => allowInvoke(grantee, grantArn));
}

/**
 * Lets data planes get grants of exactly one control plane by invoking its function. CDK's own grant of a function would open its versions,
 * too.
 *
 * @throws Error as `grantBootstrap`
 */
export function grantInvoke(
  api: Construct,
  units: BootUnits,
  grantee: iam.IGrantable,
  controlPlane: string,
): iam.Grant {
  return grant(api, units, controlPlane, grantee, ({ presign }) =>
    iam.Grant.addToPrincipal({
      grantee,
      actions: ['lambda:InvokeFunction'],
      resourceArns: [presign.presigner.functionArn],
    }),
  );
}

function grant(
  api: Construct,
  units: BootUnits,
  controlPlane: string,
  grantee: iam.IGrantable,
  allow: (unit: BootUnit) => iam.Grant,
): iam.Grant {
  const unit = units.get(controlPlane);
  if (unit === undefined) {
    throw new Error(
      `there is no control plane "${controlPlane}" in ${api.node.path}: choose one of ${[...units.keys()].join(', ')}`,
    );
  }
  if (!unit.dataPlaneAuth.iam) {
    throw new Error(
      `data planes of control plane "${controlPlane}" do not use IAM, so there is nothing to allow: add DataPlaneAuth.iam() to its dataPlaneAuth`,
    );
  }
  const allowed = allow(unit);
  // A role of another account takes the statement without a word, and leaves it out.
  const { principalAccount = Stack.of(api).account } = grantee.grantPrincipal;
  const isForeign =
    Token.compareStrings(principalAccount, Stack.of(api).account) === TokenComparison.DIFFERENT;
  if (isForeign || !allowed.success) {
    throw new Error(
      `whoever is to boot from control plane "${controlPlane}" takes no policy from this app, and HTTP APIs have none of their own: ` +
        'grant a role of this account, or name the other account in readerRoleTrust',
    );
  }
  return allowed;
}

export function allowInvoke(grantee: iam.IGrantable, arn: string): iam.Grant {
  return iam.Grant.addToPrincipal({ grantee, actions: ['execute-api:Invoke'], resourceArns: [arn] });
}
