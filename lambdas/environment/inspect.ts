import * as v from 'valibot';
import { controlPlaneName } from '../../core/names.ts';
import { commaSeparated, nonEmptyText, versionList } from './fields.ts';
import { packedPublicKeys } from './public-keys.ts';

export const inspectEnvironment = v.object({
  CONTROL_PLANE: controlPlaneName,
  /** Comma-separated full versions of the data planes that there are files for. */
  DATA_PLANE_VERSIONS: versionList,
  BUCKET: nonEmptyText,
  ENCRYPTION_KEY_ARN: nonEmptyText,
  SIGNING_KEY_ARN: nonEmptyText,
  /** Comma-separated ARNs of the deployment's signing keys that can sign nothing now. */
  FURTHER_SIGNING_KEY_ARNS: commaSeparated(nonEmptyText),
  /** The keys that earlier manifests are signed with. */
  RETIRED_SIGNING_KEYS: packedPublicKeys,
});

/** The variables that the construct must set. */
export type InspectVariables = v.InferInput<typeof inspectEnvironment>;
