import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { projectRoot } from './project-root.ts';
import type { ThirdParty } from './third-party-licenses.ts';

/** As far as it is read here; the rest is npm's (CycloneDX 1.5, cyclonedx.org/docs/1.5/json). */
export interface BillOfMaterials {
  readonly specVersion: string;
  readonly metadata: { readonly component: Readonly<Record<string, unknown>> };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

interface Component {
  readonly 'bom-ref': string;
  readonly name: string;
  readonly version: string;
  readonly [field: string]: unknown;
}

/**
 * Lists what is in the package's bundles as an SBOM (CycloneDX): by it an advisory of a package is found in
 * what was installed, where npm sees one package without any dependencies.
 *
 * @throws Error where npm knows no such package, or fails
 */
export async function listMaterials(parties: readonly ThirdParty[]): Promise<string> {
  const { stdout } = await promisify(execFile)(
    'npm',
    ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only'],
    { cwd: projectRoot, maxBuffer: 2 ** 26 },
  );
  return `${JSON.stringify(selectBundled(JSON.parse(stdout), parties), undefined, 2)}\n`;
}

/**
 * Leaves in npm's list of the lock file what is bundled. What would be another at each build (number, time,
 * the npm that made it) is left out: the same commit makes the same package.
 */
export function selectBundled(all: BillOfMaterials, parties: readonly ThirdParty[]): object {
  const bundled = parties.map(({ name, version }) => {
    const found = all.components.find((each) => each.name === name && each.version === version);
    if (found === undefined) {
      throw new Error(`${name} ${version} is bundled, and package-lock.json does not have it: run npm ci`);
    }
    return found;
  });
  const refs = new Set(bundled.map((each) => each['bom-ref']));
  const self = String(all.metadata.component['bom-ref']);
  // npm calls it as the folder is called.
  const name = self.slice(0, self.lastIndexOf('@'));
  return {
    ...all,
    serialNumber: undefined,
    metadata: { component: { ...all.metadata.component, name } },
    // To npm all of them are for development, and to npm 10 optional: nothing is installed with the package.
    components: bundled.map((each) => ({ ...each, scope: 'required', properties: undefined })),
    dependencies: [
      { ref: self, dependsOn: [...refs] },
      // npm 10 has one for each place in which a package is installed.
      ...[...new Map(all.dependencies.map((each) => [each.ref, each])).values()]
        .filter(({ ref }) => refs.has(ref))
        .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((each) => refs.has(each)) })),
    ],
  };
}
