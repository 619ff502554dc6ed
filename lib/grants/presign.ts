import { Duration, Token } from 'aws-cdk-lib';
import type * as kms from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import { certificateFingerprint } from '../../core/access/cluster-trust.ts';
import { type PresignVariables, packCertificates } from '../../lambdas/environment/presign.ts';
import type { Api } from '../api/api.ts';
import { type FunctionRole, LifeboatFunction, mostEnvironmentBytes } from '../functions/function.ts';
import { readCertificate } from '../settings/cluster-certificates.ts';
import {
  type ControlPlaneSettings,
  type DataPlaneAuthSettings,
  type Settings,
  SettingsError,
} from '../settings/settings.ts';
import { isToken } from '../settings/unknown-values.ts';
import type { FileStore } from '../vault/file-store.ts';
import { grantVariables } from '../vault/grant-variables.ts';

export interface PresignProps {
  readonly controlPlane: string;
  readonly settings: ControlPlaneSettings;
  readonly deployment: Settings;
  readonly logKey: kms.IKey | undefined;
  readonly vault: Pick<FileStore, 'bucket'>;
  readonly api: Api;
  /** Its rights are the rights of the URLs: reading one control plane's files. */
  readonly role: FunctionRole;
  /** ARN of the role that plays drills. @default none are played here */
  readonly drillRoleArn?: string | undefined;
}

/** What gives a new data plane its short-lived URL, one function for each control plane. */
export class Presign extends Construct {
  readonly presigner: LifeboatFunction;

  /** @internal */
  constructor(scope: Construct, id: string, props: PresignProps) {
    super(scope, id);
    const variables: PresignVariables = {
      CONTROL_PLANE: props.controlPlane,
      BUCKET: props.vault.bucket.bucketName,
      ...grantVariables(this, props.deployment),
      DATA_PLANE_VERSIONS: props.settings.dataPlaneVersions.join(','),
      DRILL_ROLE_ARN: props.drillRoleArn ?? '',
      API_ORIGIN: props.api.origin,
      ...listTrustVariables(props.settings.dataPlaneAuth),
    };
    requireRoom(props.controlPlane, variables);
    this.presigner = new LifeboatFunction<PresignVariables>(this, 'Function', {
      entry: 'presign',
      environment: variables,
      role: props.role,
      // Pure computation; the time is for a cold start.
      timeout: Duration.seconds(10),
      memorySizeMb: 256,
      logRetentionDays: props.deployment.logRetentionDays,
      logKey: props.logKey,
      reservedConcurrency: props.deployment.reservedConcurrency.presign,
    });
    props.api.addGrantRoutes(props.controlPlane, this.presigner.function, props.settings.dataPlaneAuth);
  }
}

/** Whose assertions the function takes. */
export function listTrustVariables({
  clusterCertificate: { certificates = [], authorities = [], commonNames = [] } = {},
}: DataPlaneAuthSettings): Pick<
  PresignVariables,
  'CLUSTER_CERTIFICATES' | 'CLUSTER_AUTHORITIES' | 'CLUSTER_COMMON_NAMES'
> {
  // Those that are still to be looked up come in the next pass of the synth.
  const read = (pems: readonly string[]) => pems.filter((pem) => !isToken(pem)).map(readCertificate);
  return {
    CLUSTER_CERTIFICATES: read(certificates).map(certificateFingerprint).join(','),
    CLUSTER_AUTHORITIES: packCertificates(read(authorities)),
    CLUSTER_COMMON_NAMES: commonNames.join(','),
  };
}

/**
 * For what CloudFormation fills in, which is the bucket's name, the URL suffix, a role's ARN and the stack's
 * id, and for Powertools' own variable.
 */
const reservedBytes = 63 + 20 + 110 + 230 + 100;

function requireRoom(controlPlane: string, variables: PresignVariables): void {
  const bytes = Object.entries(variables)
    .map(([name, value]) => name.length + (Token.isUnresolved(value) ? 0 : Buffer.byteLength(value)))
    .reduce((sum, each) => sum + each, reservedBytes);
  if (bytes > mostEnvironmentBytes) {
    throw new SettingsError(
      `dataPlaneAuth of control plane "${controlPlane}" is too large: with it the presign function’s environment would have ${bytes} bytes, ` +
        `but Lambda accepts at most ${mostEnvironmentBytes}. Name fewer authorities or names; an authority with an EC key takes a third of the room of one with a long RSA key`,
    );
  }
}
