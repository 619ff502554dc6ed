import type { IHttpRouteAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpIamAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';

/** How data planes prove who they are when they ask for a grant. */
export class DataPlaneAuth {
  /** By AWS credentials (SigV4). Who may ask is said per control plane, see `Lifeboat.grantBootstrap`. */
  static iam(): DataPlaneAuth {
    return new DataPlaneAuth(() => new HttpIamAuthorizer());
  }

  /** Makes what lets a data plane pass on the route of one control plane's grants. */
  readonly authorizer: () => IHttpRouteAuthorizer;

  private constructor(authorizer: () => IHttpRouteAuthorizer) {
    this.authorizer = authorizer;
  }
}
