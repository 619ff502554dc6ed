/** What the settings of a deployment name of a control plane. */
import { InvalidArgumentError } from 'commander';
import * as v from 'valibot';
import { nameForeignError } from '../../core/error-code.ts';
import { readSmallFile } from '../../core/read-small-file.ts';

export interface NamedParts {
  readonly customPlugins: readonly string[];
  readonly wasmFilters: readonly string[];
}

const parts = v.object({
  customPlugins: v.optional(v.array(v.string()), []),
  wasmFilters: v.optional(v.array(v.string()), []),
});
const settings = v.object({ controlPlanes: v.record(v.string(), parts) });
/** A cdk.json, or the settings alone. */
const file = v.union([
  v.pipe(
    v.object({ context: v.object({ lifeboat: settings }) }),
    v.transform(({ context }) => context.lifeboat),
  ),
  settings,
]);

const largestBytes = 2 ** 20;

/**
 * @param controlPlane undefined where there is one alone
 * @throws InvalidArgumentError for a file that has no such settings
 */
export async function readNamedParts(path: string, controlPlane: string | undefined): Promise<NamedParts> {
  const text = await readSmallFile(path, largestBytes).catch((error: unknown) => {
    throw new InvalidArgumentError(`--settings ${path} cannot be read (${nameForeignError(error)})`);
  });
  const read = v.safeParse(v.pipe(v.string(), v.parseJson(), file), text);
  if (!read.success) {
    throw new InvalidArgumentError(
      `--settings ${path} has no settings of Lifeboat: a cdk.json with context.lifeboat.controlPlanes is expected`,
    );
  }
  const { controlPlanes } = read.output;
  const names = Object.keys(controlPlanes);
  const name = controlPlane ?? (names.length === 1 ? names[0] : undefined);
  const found = name === undefined ? undefined : controlPlanes[name];
  if (found === undefined) {
    throw new InvalidArgumentError(
      name === undefined
        ? `--settings ${path} has several control planes, ${names.join(', ')}: name one with --control-plane`
        : `--settings ${path} has no control plane "${name}": there is ${names.join(', ')}`,
    );
  }
  return found;
}
