import * as v from 'valibot';
import { commandNames } from '../../core/export/operator-command.ts';
import type { Operator } from '../../core/export/operators.ts';
import { controlPlaneName } from '../../core/names.ts';
import type { GuardSetting } from '../../core/vault/plausibility.ts';
import { clusterEntries } from './cluster.ts';
import { atLeastOne, commaSeparated, nonEmptyText, versionList, wholeNumber } from './fields.ts';
import { vaultEntries } from './vault.ts';

const guard = v.pipe(
  v.string(),
  v.regex(/^(off|[1-9]\d{0,6},(\d{1,2}|100))$/, 'off, or two numbers with a comma are expected'),
  v.transform((text): GuardSetting => {
    const [minimumEntities = 0, maximumLossPercent = 0] = text.split(',').map(Number);
    return text === 'off' ? 'off' : { minimumEntities, maximumLossPercent };
  }),
);

/** What the function reads again. */
export function formatGuard(setting: GuardSetting): string {
  return setting === 'off' ? 'off' : `${setting.minimumEntities},${setting.maximumLossPercent}`;
}

const operator = v.pipe(
  v.tupleWithRest([nonEmptyText], v.picklist(commandNames)),
  v.transform(([arn, ...commands]) => ({ arn, commands: commands.length === 0 ? undefined : commands })),
);

export const exportEnvironment = v.object({
  CONTROL_PLANE: controlPlaneName,
  ...clusterEntries,
  /** Comma-separated full versions of the data planes to publish for. */
  DATA_PLANE_VERSIONS: versionList,
  /** Comma-separated names of plugins that are not Kong's own. */
  CUSTOM_PLUGINS: commaSeparated(nonEmptyText),
  /** Comma-separated names of the control plane's wasm filters. */
  WASM_FILTERS: commaSeparated(nonEmptyText),
  /** Largest frame that is read, compressed. */
  MAX_FRAME_MIB: atLeastOne,
  ...vaultEntries,
  /** Published versions are locked for so many days; 0 for not at all. */
  OBJECT_LOCK_DAYS: wholeNumber,
  QUEUE_URL: nonEmptyText,
  /** JSON array of operators, each as `listOperator` writes it. */
  OPERATORS: v.pipe(v.string(), v.parseJson(), v.array(operator)),
  /** How long after a hook a newer frame is awaited (Kong rebuilds every 5 s). */
  SETTLE_SECONDS: wholeNumber,
  /** By how much the control plane's clock may be off. */
  CLOCK_TOLERANCE_SECONDS: wholeNumber,
  /** A check comes at least this often. */
  SCHEDULE_MINUTES: atLeastOne,
  /** An export starts no sooner than this after the start of the last. */
  MINIMUM_INTERVAL_SECONDS: wholeNumber,
  /** Entities at least, and percent at most that may be gone; or `off`. */
  GUARD: guard,
});

/** An operator as it stands in `OPERATORS`: the ARN, and after it the commands where it may not send all. */
export function listOperator({ arn, commands }: Operator): readonly string[] {
  return [arn, ...(commands ?? [])];
}

/** The variables that the construct must set. */
export type ExportVariables = v.InferInput<typeof exportEnvironment>;
