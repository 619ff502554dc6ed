/**
 * Which proxy a request takes, as curl and Go understand the environment. Not by proxy-from-env, which knows
 * neither networks nor IPv6.
 */
import { BlockList, isIP } from 'node:net';
import { bareHost, type ProxyCredentials, portOf } from '../proxy-tunnel.ts';

/** HTTPS_PROXY, HTTP_PROXY and NO_PROXY, each in lower case, which wins, or in upper case. */
export type ProxyEnvironment = Readonly<Record<string, string | undefined>>;

export interface ForwardProxy {
  /** Without user and password. */
  readonly url: URL;
  readonly credentials: ProxyCredentials | undefined;
}

/** @returns the proxy for a URL; undefined for none, and for this machine itself */
export type FindProxy = (url: URL) => ForwardProxy | undefined;

/**
 * Reads the environment's proxies. NO_PROXY is a list of hosts, domains (`.example.com`, `example.com` with
 * all below it), addresses and networks (`10.0.0.0/8`, `fd00::/8`), each with a port if need be
 * (`[2001:db8::1]:8443`), or `*`.
 *
 * @throws Error when one of them is not read as it was meant; nothing of a proxy's URL is in its message
 */
export function readProxies(environment: ProxyEnvironment): FindProxy {
  const https = readProxy('https_proxy', environment);
  const http = readProxy('http_proxy', environment);
  const exceptions = (variable(environment, 'no_proxy') ?? '')
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .map(readException);
  return (url) => {
    const proxy = url.protocol === 'https:' ? https : http;
    const place = { host: bareHost(url).toLowerCase().replace(/\.$/, ''), port: portOf(url) };
    return isThisMachine(place.host) || exceptions.some((includes) => includes(place)) ? undefined : proxy;
  };
}

function isThisMachine(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

function readProxy(name: string, environment: ProxyEnvironment): ForwardProxy | undefined {
  const value = variable(environment, name)?.trim();
  if (value === undefined || value === '') {
    return undefined;
  }
  // `proxy.example.com:3128` is what many write.
  const text = value.includes('://') ? value : `http://${value}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // A raw #, / or ? in a password ends what a parser takes for the host, which messages name.
  const isWhole =
    url !== undefined && /^https?:$/.test(url.protocol) && url.pathname === '/' && !/[?#\\\t\r\n]/.test(text);
  const credentials = isWhole ? readCredentials(url) : undefined;
  if (!isWhole || credentials === undefined) {
    throw new Error(
      `${name.toUpperCase()} is not the http:// or https:// URL of a proxy, with host and port alone, or was not read as it was meant: in ` +
        'its user and password the characters that URLs use must be percent-encoded (% is %25, # is %23, / is %2F, ? is %3F, @ is %40, \\ is %5C)',
    );
  }
  const { username, password } = credentials;
  return {
    url: new URL(url.origin),
    credentials: username === '' && password === '' ? undefined : credentials,
  };
}

/** @returns undefined where a % begins no escape */
function readCredentials({ username, password }: URL): ProxyCredentials | undefined {
  try {
    return { username: decodeURIComponent(username), password: decodeURIComponent(password) };
  } catch {
    return undefined;
  }
}

interface Place {
  /** In lower case, an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
}

/** An entry of NO_PROXY: whether it is about a place. */
function readException(entry: string): (place: Place) => boolean {
  if (entry === '*') {
    return () => true;
  }
  // Without brackets an IPv6 address has no port.
  const [, named = entry, onlyPort] =
    isIP(entry) === 6 ? [] : (/^(\[[^\]]+\](?:\/\d+)?|[^:]+):(\d+)$/.exec(entry) ?? []);
  const includes = readHosts(named.replace(/[[\]]/g, ''));
  return ({ host, port }) => (onlyPort === undefined || Number(onlyPort) === port) && includes(host);
}

function readHosts(named: string): (host: string) => boolean {
  const [, address = named, prefix] = /^(.*?)\/(.*)$/.exec(named) ?? [];
  if (isIP(address) === 0) {
    const domain = named.replace(/^\*?\./, '').replace(/\.$/, '');
    return (host) => host === domain || host.endsWith(`.${domain}`);
  }
  const addresses = new BlockList();
  try {
    const longest = isIP(address) === 6 ? 128 : 32;
    addresses.addSubnet(address, prefix === undefined ? longest : readPrefix(prefix), familyOf(address));
  } catch {
    throw new Error(`NO_PROXY: ${named} is not a network, for example 10.0.0.0/8 or fd00::/8`);
  }
  return (host) => isIP(host) !== 0 && addresses.check(host, familyOf(host));
}

const readPrefix = (text: string) => (/^\d{1,3}$/.test(text) ? Number(text) : Number.NaN);
const familyOf = (address: string) => (isIP(address) === 6 ? 'ipv6' : 'ipv4');

function variable(environment: ProxyEnvironment, name: string): string | undefined {
  return environment[name] || environment[name.toUpperCase()] || undefined;
}
