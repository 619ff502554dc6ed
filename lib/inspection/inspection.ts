import { Duration } from 'aws-cdk-lib';
import type * as kms from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import type { InspectVariables } from '../../lambdas/environment/inspect.ts';
import type { Api } from '../api/api.ts';
import { type FunctionRole, LifeboatFunction } from '../functions/function.ts';
import { allowInvoke } from '../grants/grant-giver.ts';
import type { ControlPlaneSettings, Settings } from '../settings/settings.ts';
import { grantVariables } from '../vault/grant-variables.ts';
import type { Vault } from '../vault/vault.ts';
import { vaultVariables } from '../vault/vault-variables.ts';

export interface InspectionProps {
  readonly controlPlane: string;
  readonly settings: ControlPlaneSettings;
  readonly deployment: Settings;
  readonly logKey: kms.IKey | undefined;
  readonly vault: Vault;
  readonly api: Api;
  /** It reads one control plane's files. */
  readonly role: FunctionRole;
}

/** What answers people's questions about one control plane's files, which people may not read. */
export class Inspection extends Construct {
  readonly inspector: LifeboatFunction;
  /** How often a drill is played. @default never */
  readonly drillHours: number | undefined;

  /** @internal */
  constructor(scope: Construct, id: string, props: InspectionProps) {
    super(scope, id);
    const { controlPlane, settings, deployment, vault } = props;
    // A drill asks as data planes do, with AWS credentials.
    this.drillHours =
      deployment.drillHours > 0 && settings.dataPlaneAuth.iam ? deployment.drillHours : undefined;
    this.inspector = new LifeboatFunction<InspectVariables>(this, 'Function', {
      entry: 'inspect',
      environment: {
        CONTROL_PLANE: controlPlane,
        DATA_PLANE_VERSIONS: settings.dataPlaneVersions.join(','),
        DRILL_HOURS: String(this.drillHours ?? 0),
        API_URL: props.api.url,
        LMDB_MAP_MIB: String(deployment.lmdbMapMiB),
        ...vaultVariables(vault, deployment),
        ...grantVariables(this, deployment),
      },
      role: props.role,
      // Answers take 25 s of it: API Gateway waits for 30. A drill may verify all that is kept.
      timeout: this.drillHours === undefined ? Duration.seconds(29) : Duration.minutes(15),
      // Two files of 64 MiB, and what differs between them. A share of the processor comes with it.
      memorySizeMb: 1024,
      logRetentionDays: deployment.logRetentionDays,
      logKey: props.logKey,
      reservedConcurrency: deployment.reservedConcurrency.inspect,
      readsOwnLog: this.drillHours !== undefined,
    });
    if (this.drillHours !== undefined) {
      allowInvoke(props.role, props.api.grantArn(controlPlane));
    }
    props.api.addInspectRoutes(controlPlane, this.inspector.function);
  }
}
