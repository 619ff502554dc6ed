import * as v from 'valibot';
import { controlPlaneName } from '../../core/names.ts';
import { versionList } from './fields.ts';
import { grantEntries } from './grants.ts';
import { vaultEntries } from './vault.ts';

export const inspectEnvironment = v.object({
  CONTROL_PLANE: controlPlaneName,
  /** Comma-separated full versions of the data planes that there are files for. */
  DATA_PLANE_VERSIONS: versionList,
  ...vaultEntries,
  ...grantEntries,
});

/** The variables that the construct must set. */
export type InspectVariables = v.InferInput<typeof inspectEnvironment>;
