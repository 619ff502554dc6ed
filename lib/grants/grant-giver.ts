import { Stack, Token, TokenComparison } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import type { Api } from '../api/api.ts';
import { markDeployment } from '../conventions/deployment-name.ts';
import type { FunctionRole } from '../functions/function.ts';
import type { ControlPlaneSettings, DataPlaneAuthSettings, Settings } from '../settings/settings.ts';
import type { FileStore } from '../vault/file-store.ts';
import { Presign } from './presign.ts';

/** What gives grants for one control plane, in one region. */
export interface GrantUnit {
  readonly controlPlane: string;
  readonly presign: Presign;
  /** Where its data planes get their URL. */
  readonly grantUrl: string;
  /** What a data plane's role needs `execute-api:Invoke` on, where data planes use IAM. */
  readonly grantArn: string;
  /** What data planes of private networks invoke, where data planes use IAM. */
  readonly grantFunctionArn: string;
  /** @internal */
  readonly dataPlaneAuth: DataPlaneAuthSettings;
}

export interface GrantUnitProps {
  readonly controlPlane: string;
  readonly settings: ControlPlaneSettings;
  readonly deployment: Settings;
  readonly logKey: kms.IKey | undefined;
  readonly vault: Pick<FileStore, 'bucket'>;
  readonly api: Api;
  readonly presignRole: FunctionRole;
  readonly drillRoleArn?: string | undefined;
}

/** A region's API with a presign function for each control plane, and who may ask it for grants. */
export abstract class GrantGiver<Unit extends GrantUnit> extends Construct {
  abstract readonly api: Api;
  /** By the name of their control plane. */
  abstract readonly units: ReadonlyMap<string, Unit>;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    markDeployment(this);
  }

  /** Base URL for data planes (`--endpoint`). */
  get apiUrl(): string {
    return this.api.url;
  }

  /** Base URL that needs no certificate or DNS record of yours; undefined without `domain`, or if closed. */
  get defaultApiUrl(): string | undefined {
    return this.api.domain === undefined ? undefined : this.api.defaultUrl;
  }

  /** Target of the CNAME record for your domain; undefined where there is none to make. */
  get domainTarget(): string | undefined {
    return this.api.domain?.target;
  }

  /**
   * Lets data planes ask for grants of exactly one control plane. CDK's own grant of a route would open those
   * of all stages.
   *
   * @throws Error when there is no such control plane, its data planes do not use IAM, or the grantee takes
   * no policy (a role of another account)
   */
  grantBootstrap(grantee: iam.IGrantable, controlPlane: string): iam.Grant {
    return this.#grant(grantee, controlPlane, ({ grantArn }) => allowInvoke(grantee, grantArn));
  }

  /**
   * Lets data planes of private networks ask for grants of exactly one control plane by invoking its
   * function: an HTTP API has no private endpoint, and Lambda has one. CDK's own grant of a function would
   * open its versions, too.
   *
   * @throws Error as `grantBootstrap`
   */
  grantInvoke(grantee: iam.IGrantable, controlPlane: string): iam.Grant {
    return this.#grant(grantee, controlPlane, ({ presign }) =>
      iam.Grant.addToPrincipal({
        grantee,
        actions: ['lambda:InvokeFunction'],
        resourceArns: [presign.presigner.functionArn],
      }),
    );
  }

  /** @internal */
  protected createGrantUnit({ api, presignRole, ...props }: GrantUnitProps): GrantUnit {
    const { controlPlane, settings } = props;
    const presign = new Presign(this, `Presign-${controlPlane}`, { ...props, api, role: presignRole });
    return {
      controlPlane,
      presign,
      grantUrl: api.grantUrl(controlPlane),
      grantArn: api.grantArn(controlPlane),
      grantFunctionArn: presign.presigner.functionArn,
      dataPlaneAuth: settings.dataPlaneAuth,
    };
  }

  /**
   * @throws Error when there is no such control plane
   *
   * @internal
   */
  protected findUnit(controlPlane: string): Unit {
    const unit = this.units.get(controlPlane);
    if (unit === undefined) {
      throw new Error(
        `there is no control plane "${controlPlane}" in ${this.node.path}: choose one of ${[...this.units.keys()].join(', ')}`,
      );
    }
    return unit;
  }

  /**
   * @throws Error when nothing was allowed: a role of another account takes a statement and leaves it out
   *
   * @internal
   */
  protected requireAllowed(allowed: iam.Grant, grantee: iam.IGrantable, controlPlane: string): void {
    const { account } = Stack.of(this);
    const { principalAccount = account } = grantee.grantPrincipal;
    const isForeign = Token.compareStrings(principalAccount, account) === TokenComparison.DIFFERENT;
    if (isForeign || !allowed.success) {
      throw new Error(
        `the grantee for control plane "${controlPlane}" takes no policy from this app, and HTTP APIs have no resource policies: ` +
          'grant a role of this account, or name the other account in readerRoleTrust',
      );
    }
  }

  #grant(grantee: iam.IGrantable, controlPlane: string, allow: (unit: Unit) => iam.Grant): iam.Grant {
    const unit = this.findUnit(controlPlane);
    if (!unit.dataPlaneAuth.iam) {
      throw new Error(
        `data planes of control plane "${controlPlane}" do not use IAM, so there is nothing to allow: add DataPlaneAuth.iam() to its dataPlaneAuth`,
      );
    }
    const allowed = allow(unit);
    this.requireAllowed(allowed, grantee, controlPlane);
    return allowed;
  }
}

export function allowInvoke(grantee: iam.IGrantable, grantArn: string): iam.Grant {
  return iam.Grant.addToPrincipal({
    grantee,
    actions: ['execute-api:Invoke'],
    resourceArns: [grantArn],
  });
}
