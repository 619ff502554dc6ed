import { Duration } from 'aws-cdk-lib';
import type * as kms from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import type { PresignVariables } from '../lambdas/environment/presign.ts';
import type { Api } from './api.ts';
import type { FileStore } from './file-store.ts';
import { type FunctionRole, LifeboatFunction } from './function.ts';
import type { ControlPlaneSettings, Settings } from './settings.ts';

export interface PresignProps {
  readonly controlPlane: string;
  readonly settings: ControlPlaneSettings;
  readonly deployment: Settings;
  readonly logKey: kms.IKey;
  readonly vault: Pick<FileStore, 'bucket'>;
  readonly api: Api;
  /** Its rights are the rights of the URLs: reading one control plane's files. */
  readonly role: FunctionRole;
}

/** What gives a new data plane its short-lived URL, one function for each control plane. */
export class Presign extends Construct {
  readonly presigner: LifeboatFunction<PresignVariables>;

  constructor(scope: Construct, id: string, props: PresignProps) {
    super(scope, id);
    const variables: PresignVariables = {
      CONTROL_PLANE: props.controlPlane,
      BUCKET: props.vault.bucket.bucketName,
      DATA_PLANE_VERSIONS: props.settings.dataPlaneVersions.join(','),
      URL_LIFETIME_SECONDS: String(props.deployment.urlLifetimeSeconds),
    };
    this.presigner = new LifeboatFunction(this, 'Function', {
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
    props.api.addGrantRoute(props.controlPlane, this.presigner.function);
  }
}
