/** What a control plane has and runs, by its Admin API, against what Lifeboat was told. */
import * as v from 'valibot';
import { ApiError } from '../../core/fetch/api-request.ts';
import { bundledPluginNames } from '../../core/kong/plugin-names.ts';
import { fittingVersion } from '../../core/kong/version-choice.ts';
import { forTerminal } from '../inspection/words.ts';
import { type AdminApi, readRows, requireAnswer } from '../kong-admin/admin-api.ts';
import type { Finding } from './finding.ts';
import type { NamedParts } from './settings.ts';

/** As far as it is read. Older versions list plugins with `true`. */
const nodeAnswer = v.object({
  plugins: v.object({
    available_on_server: v.record(v.string(), v.unknown()),
    enabled_in_cluster: v.optional(v.union([v.array(v.string()), v.strictObject({})]), []),
  }),
  configuration: v.optional(
    v.object({
      wasm: v.optional(v.union([v.boolean(), v.string()])),
      wasm_modules_parsed: v.optional(v.union([v.array(v.object({ name: v.string() })), v.strictObject({})])),
    }),
    {},
  ),
});
const pluginRow = v.object({ name: v.string() });
const dataPlaneRow = v.object({
  hostname: v.optional(v.string(), ''),
  version: v.string(),
  last_seen: v.optional(v.number()),
});

const daySeconds = 86_400;

/**
 * @param named what the settings name; undefined where they were not given
 * @param versions for which there are files; undefined where nobody knows
 */
export async function checkKong(
  admin: AdminApi,
  named: NamedParts | undefined,
  versions: readonly string[] | undefined,
  now: Date,
): Promise<readonly Finding[]> {
  const [parts, inUse] = await Promise.all([
    attempt(['plugins', 'wasm-filters'], () => checkParts(admin, named)),
    attempt(['versions'], async () => [await checkVersions(admin, versions, now)]),
  ]);
  return [...parts, ...inUse];
}

async function attempt(
  checks: readonly Finding['check'][],
  ask: () => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof ApiError)) {
      throw error;
    }
    return checks.map((check) => ({
      check,
      outcome: 'unknown',
      what: error.message,
      next: 'mend that, and ask again',
    }));
  }
}

async function checkParts(admin: AdminApi, named: NamedParts | undefined): Promise<readonly Finding[]> {
  const node = requireAnswer(await admin.ask(nodeAnswer, { path: '/' }), '/');
  const { available_on_server: available, enabled_in_cluster: enabled } = node.plugins;
  const { wasm, wasm_modules_parsed: modules } = node.configuration;
  const filters = Array.isArray(modules) ? modules.map(({ name }) => name) : [];
  const isWasmOn = wasm === true || wasm === 'on';
  const configured = new Set([
    ...(Array.isArray(enabled) ? enabled : []),
    ...(await readRows(admin, '/plugins', pluginRow)).map(({ name }) => name),
  ]);
  const own = new Set([...bundledPluginNames, ...filters]);
  const foreign = [...new Set([...Object.keys(available), ...configured])]
    .filter((name) => !own.has(name))
    .sort();
  return [
    judgePlugins(foreign, configured, named),
    isWasmOn && modules === undefined
      ? {
          check: 'wasm-filters',
          outcome: 'unknown',
          what: 'wasm is on, and the Admin API does not list its filters',
          next: 'compare the setting wasmFilters with the files in the control plane’s wasm_filters_path',
        }
      : judgeFilters(isWasmOn ? filters : [], named),
  ];
}

function judgePlugins(
  foreign: readonly string[],
  configured: ReadonlySet<string>,
  named: NamedParts | undefined,
): Finding {
  const check = 'plugins';
  if (foreign.length === 0) {
    return { check, outcome: 'good', what: 'the control plane has none but Kong’s own' };
  }
  if (named === undefined) {
    return {
      check,
      outcome: 'unknown',
      what: `the control plane has ${quote(foreign)}, which are not Kong’s own; whether the settings name them is not known`,
      next: 'name the settings with --settings cdk.json, and the control plane with --control-plane',
    };
  }
  const missing = foreign.filter((name) => !named.customPlugins.includes(name));
  const used = missing.filter((name) => configured.has(name));
  if (missing.length === 0) {
    return { check, outcome: 'good', what: `the settings name ${quote(foreign)}` };
  }
  return used.length > 0
    ? {
        check,
        outcome: 'bad',
        what: `${quote(used)}: configured, and not in the settings. The control plane sends Lifeboat nothing at all`,
        next: 'add the names to customPlugins and deploy',
      }
    : {
        check,
        outcome: 'attention',
        what: `the control plane has ${quote(missing)}, and the settings lack them. Once one is configured, nothing is sent any more`,
        next: 'add the names to customPlugins and deploy',
      };
}

function judgeFilters(filters: readonly string[], named: NamedParts | undefined): Finding {
  const check = 'wasm-filters';
  if (filters.length === 0) {
    return { check, outcome: 'good', what: 'the control plane has none' };
  }
  if (named === undefined) {
    return {
      check,
      outcome: 'unknown',
      what: `the control plane has ${quote(filters)}; whether the settings name them is not known`,
      next: 'name the settings with --settings cdk.json, and the control plane with --control-plane',
    };
  }
  const missing = filters.filter((name) => !named.wasmFilters.includes(name));
  return missing.length === 0
    ? { check, outcome: 'good', what: `the settings name ${quote(filters)}` }
    : {
        check,
        outcome: 'bad',
        what: `the settings lack ${quote(missing)}. The control plane sends Lifeboat nothing at all`,
        next: 'add the names to wasmFilters and deploy',
      };
}

async function checkVersions(
  admin: AdminApi,
  versions: readonly string[] | undefined,
  now: Date,
): Promise<Finding> {
  const check = 'versions';
  const since = now.getTime() / 1000 - daySeconds;
  const rows = (await readRows(admin, '/clustering/data-planes', dataPlaneRow)).filter(
    // Lifeboat's own connections are nodes, too.
    ({ hostname, last_seen: seen }) => !/^lifeboat-/.test(hostname) && (seen === undefined || seen > since),
  );
  // Enterprise adds its edition.
  const inUse = [
    ...new Set(rows.map(({ version }) => /^\d+(?:\.\d+){2,3}/.exec(version)?.[0] ?? version)),
  ].sort();
  if (inUse.length === 0) {
    return { check, outcome: 'good', what: 'no data plane was seen for a day' };
  }
  if (versions === undefined) {
    const what = `data planes run ${quote(inUse)}; which versions have files is not known`;
    return {
      check,
      outcome: 'unknown',
      what,
      next: 'mend what keeps the control plane’s status from being read',
    };
  }
  const next = 'add the versions to dataPlaneVersions and deploy';
  const without = inUse.filter((version) => fittingVersion(version, versions) === undefined);
  if (without.length > 0) {
    const what = `data planes run ${quote(without)}, for which there is no file (there is ${versions.join(', ')}): a new one could not boot`;
    return { check, outcome: 'bad', what, next };
  }
  const older = inUse.filter((version) => !versions.includes(version));
  return older.length > 0
    ? {
        check,
        outcome: 'attention',
        what: `data planes run ${quote(older)}, and boot with the file of an older patch`,
        next,
      }
    : { check, outcome: 'good', what: `each that was seen for a day has a file: ${inUse.join(', ')}` };
}

const quote = (names: readonly string[]) => {
  const shown = names.slice(0, 8).map(forTerminal).join(', ');
  return names.length > 8 ? `${shown} and ${names.length - 8} more` : shown;
};
