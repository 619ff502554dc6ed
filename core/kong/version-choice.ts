/**
 * The version whose file a data plane can load: its own, else the highest below it in the same minor.
 *
 * @param requested full version of the data plane
 * @param available full versions that there are files for
 */
export function fittingVersion(requested: string, available: readonly string[]): string | undefined {
  return available
    .filter((version) => canLoad(requested, version))
    .sort(compareVersions)
    .at(-1);
}

/**
 * Whether a node may load a file that was made for `fileVersion`: same major and minor, as Kong demands, and
 * the file no newer than the node (a newer patch may have fields that the node does not know).
 */
export function canLoad(nodeVersion: string, fileVersion: string): boolean {
  const node = numbers(nodeVersion);
  const file = numbers(fileVersion);
  return node[0] === file[0] && node[1] === file[1] && compareVersions(fileVersion, nodeVersion) <= 0;
}

/** Orders full versions from low to high. */
export function compareVersions(one: string, other: string): number {
  const [a, b] = [numbers(one), numbers(other)];
  const differing = [0, 1, 2, 3].find((index) => (a[index] ?? 0) !== (b[index] ?? 0)) ?? 0;
  return (a[differing] ?? 0) - (b[differing] ?? 0);
}

/** The version that differs the least from another one; of two, the lower one. */
export function nearestVersion(version: string, others: readonly string[]): string | undefined {
  const wanted = numbers(version);
  const distances = (other: string) => numbers(other).map((part, at) => Math.abs(part - (wanted[at] ?? 0)));
  return others
    .toSorted(compareVersions)
    .map((other) => ({ other, distance: distances(other).join('.') }))
    .toSorted((one, another) => compareVersions(one.distance, another.distance))[0]?.other;
}

function numbers(version: string): readonly number[] {
  return version.split('.').map(Number);
}
