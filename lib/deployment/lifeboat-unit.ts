import type * as iam from 'aws-cdk-lib/aws-iam';
import type { WatchedUnit } from '../operations/watched-unit.ts';

/** What a deployment has for one control plane. */
export interface LifeboatUnit extends WatchedUnit {
  /** Where its event hooks go (`config.url` of the hook). */
  readonly webhookUrl: string;
  /** What its operators' roles need `execute-api:Invoke` on. @default nobody is listed */
  readonly commandArn?: string | undefined;
  /** What the roles of people who may look at its revisions need `execute-api:Invoke` on. */
  readonly inspectArn: string;
  /** What the roles of people who may have any revision's file need `execute-api:Invoke` on. */
  readonly revisionGrantArn: string;
  /** What data planes of other accounts assume. @default none */
  readonly readerRole?: iam.IRole | undefined;
  /** ARN of that role. @default none */
  readonly readerRoleArn?: string | undefined;
  /** Secret that signs its event hooks (`config.secret` of the hook). */
  readonly hookSecretArn: string;
  /** Secret with the cluster certificate of a data plane; to be filled, where it is not one of yours. */
  readonly clusterCertificateArn: string;
}
