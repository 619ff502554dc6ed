/** What a control plane checks of a data plane before it sends anything (kong/clustering/compat/init.lua). */
import { readRecordedPlugins } from './recording.ts';

/** What a control plane is and has. */
export interface ControlPlaneInventory {
  /** Full version. */
  readonly version: string;
  /** Its plugins and their versions. */
  readonly plugins: ReadonlyMap<string, string>;
  /** Its wasm filters; undefined where wasm is off. */
  readonly wasmFilters?: readonly string[] | undefined;
}

/** What a data plane has said of itself. */
export interface DataPlaneInventory {
  readonly plugins: ReadonlyMap<string, string | undefined>;
  readonly filters: ReadonlySet<string>;
}

/** Why a data plane gets nothing: its `sync_status`, and what the log says. */
export interface Incompatibility {
  readonly status:
    | 'kong_version_incompatible'
    | 'plugin_set_incompatible'
    | 'plugin_version_incompatible'
    | 'filter_set_incompatible';
  readonly message: string;
}

/** `3.9.1` → [3, 9, 1]; undefined for what Kong cannot read either (kong/clustering/compat/version.lua). */
export function versionNumbers(version: string): readonly [number, number, number] | undefined {
  const match = /^(\d+)\.(\d+)\.(\d+)/.exec(version);
  return match === null ? undefined : [Number(match[1]), Number(match[2]), Number(match[3])];
}

// Kong 2.8: each plugin has a version of its own (kong/plugins/*/handler.lua).
const pluginsOf2x = `
  acl 3.0.1 acme 0.4.0 aws-lambda 3.6.3 azure-functions 1.0.1 basic-auth 2.2.0 bot-detection 2.0.0
  correlation-id 2.0.2 cors 2.1.1 datadog 3.1.1 file-log 2.1.0 grpc-gateway 0.2.0 grpc-web 0.3.0
  hmac-auth 2.4.0 http-log 2.1.1 ip-restriction 2.0.0 jwt 2.2.0 key-auth 2.4.0 ldap-auth 2.2.0 loggly 2.1.0
  oauth2 2.1.2 post-function 2.1.0 pre-function 2.1.0 prometheus 1.6.0 proxy-cache 1.3.2
  rate-limiting 2.4.0 request-size-limiting 2.0.0 request-termination 2.1.0 request-transformer 1.3.3
  response-ratelimiting 2.1.0 response-transformer 2.0.2 session 2.4.5 statsd 2.0.1 syslog 2.2.0 tcp-log 2.1.0
  udp-log 2.1.0 zipkin 1.5.0
`;

/** The plugins that a Kong of this version ships, each with the version that its handler names. */
export function bundledPlugins(version: string): ReadonlyMap<string, string> {
  const [major = 0, minor = 0] = versionNumbers(version) ?? [];
  if (major < 3) {
    const words = pluginsOf2x.trim().split(/\s+/);
    return new Map(words.flatMap((name, at) => (at % 2 === 0 ? [[name, words[at + 1] ?? '']] : [])));
  }
  const names = [...readRecordedPlugins().keys()];
  return new Map(
    // The one bundled plugin that does not carry Kong's version, in 3.0 to 3.7.
    names.map((name) => [name, name === 'opentelemetry' && minor < 8 ? '0.1.0' : version]),
  );
}

/** Since 3.9 each wasm filter is a plugin as well, of this version (kong/runloop/wasm/plugins.lua). */
export function filterPlugins(version: string, filters: readonly string[]): ReadonlyMap<string, string> {
  const [major = 0, minor = 0] = versionNumbers(version) ?? [];
  return new Map(major > 3 || (major === 3 && minor >= 9) ? filters.map((name) => [name, '0.1.0']) : []);
}

/** Why a data plane of the given version is sent away. */
export function versionProblem(own: string, version: string): Incompatibility | undefined {
  const [ownMajor, ownMinor] = versionNumbers(own) ?? [0, 0];
  const [major, minor] = versionNumbers(version) ?? [];
  const status = 'kong_version_incompatible';
  if (major === undefined || minor === undefined) {
    return {
      status,
      message: `data plane version is incompatible with control plane version ${own} (${ownMajor}.x.y are accepted)`,
    };
  }
  if (major !== ownMajor) {
    return {
      status,
      message: `data plane version ${version} is incompatible with control plane version ${own} (${ownMajor}.x.y are accepted)`,
    };
  }
  return minor <= ownMinor
    ? undefined
    : {
        status,
        message: `data plane version ${version} is incompatible with older control plane version ${own}`,
      };
}

interface Remark {
  readonly level: 'warn' | 'notice';
  readonly message: string;
}

/** What is logged of plugins that differ, once per connection, whether they are configured or not. */
export function pluginRemarks(own: ControlPlaneInventory, dataPlane: DataPlaneInventory): readonly Remark[] {
  return [...own.plugins].flatMap(([name, version]): readonly Remark[] => {
    if (!dataPlane.plugins.has(name)) {
      return [{ level: 'warn', message: `${name} plugin ${version} is missing from data plane` }];
    }
    const theirs = dataPlane.plugins.get(name) ?? '';
    const [major] = versionNumbers(theirs) ?? [];
    if (major === undefined) {
      const message = `data plane ${name} plugin version is unspecified, and is different to control plane plugin version ${version}`;
      return [{ level: 'notice', message }];
    }
    const message = `data plane ${name} plugin version ${theirs} is different to control plane plugin version ${version}`;
    return major === versionNumbers(version)?.[0] ? [] : [{ level: 'warn', message }];
  });
}

/** Why a data plane gets no configuration in which these plugins are configured. */
export function configurationProblem(
  configured: ReadonlySet<string>,
  own: ControlPlaneInventory,
  dataPlane: DataPlaneInventory,
): Incompatibility | undefined {
  for (const name of configured) {
    const problem = pluginProblem(name, own.plugins.get(name) ?? '', dataPlane);
    if (problem !== undefined) {
      return problem;
    }
  }
  const missing = (own.wasmFilters ?? []).filter((name) => !dataPlane.filters.has(name));
  return missing.length === 0
    ? undefined
    : {
        status: 'filter_set_incompatible',
        message: `data plane is missing one or more wasm filters (${missing.join(', ')})`,
      };
}

function pluginProblem(
  name: string,
  own: string,
  { plugins }: DataPlaneInventory,
): Incompatibility | undefined {
  if (!plugins.has(name)) {
    return {
      status: 'plugin_set_incompatible',
      message: `configured ${name} plugin ${own} is missing from data plane`,
    };
  }
  const version = plugins.get(name) ?? '';
  const [ownMajor, ownMinor] = versionNumbers(own) ?? [];
  const [major, minor] = versionNumbers(version) ?? [];
  // A plugin without a version passes, and so does an older minor version: control planes are upgraded
  // first.
  if (ownMajor === undefined || ownMinor === undefined || major === undefined || minor === undefined) {
    return undefined;
  }
  // Kong forgives a data plane the version that the plugin had for long.
  if (name === 'opentelemetry' && major === 0 && minor === 1) {
    return undefined;
  }
  return major === ownMajor && minor <= ownMinor
    ? undefined
    : {
        status: 'plugin_version_incompatible',
        message: `configured data plane ${name} plugin version ${version} is different to control plane plugin version ${own}`,
      };
}
