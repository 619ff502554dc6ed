import { readFile } from 'node:fs/promises';
import { rootCertificates } from 'node:tls';
import { isNativeError } from 'node:util/types';

/** As much of `fetch` as is needed here. */
export type Fetch = (url: URL | string, init: RequestInit) => Promise<Response>;

export interface HttpClientOptions {
  /** HTTPS_PROXY, HTTP_PROXY, NO_PROXY, in upper or lower case, and NODE_EXTRA_CA_CERTS. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** PEM certificates that are trusted besides Node's own. */
  readonly caFile?: string | undefined;
}

/**
 * How grants and files are fetched: as Node does, by way of the proxy that the environment names, trusting the CAs that it is given.
 *
 * @throws Error when the CA file cannot be read, or a proxy's URL is none
 */
export async function httpClient({ environment, caFile }: HttpClientOptions): Promise<Fetch> {
  const proxies = proxiesOf(environment);
  if (caFile === undefined && proxies.https === undefined && proxies.http === undefined) {
    return fetch;
  }
  // 0.4 MB that hardly anybody needs. Node's own fetch takes only the dispatchers of its own undici, which is another one with each Node.
  const undici = await import('undici');
  const tls = { ca: await certificates(caFile, environment['NODE_EXTRA_CA_CERTS']) };
  const direct = new undici.Agent({ connect: tls });
  const agents = new Map(
    [proxies.https, proxies.http]
      .filter((uri) => uri !== undefined)
      .map((uri) => [uri, new undici.ProxyAgent({ uri, requestTls: tls, proxyTls: tls })]),
  );
  return async (address, init) => {
    const url = new URL(address);
    const proxy = proxyFor(url, environment);
    const dispatcher = (proxy === undefined ? undefined : agents.get(proxy)) ?? direct;
    try {
      return await undici.fetch(url, { ...init, dispatcher });
    } catch (error) {
      throw proxy === undefined ? error : throughProxy(error, proxy);
    }
  };
}

/**
 * The proxy for a URL, as curl and Go understand the environment: the lower-case name first, NO_PROXY as a list of hosts, domains
 * (`.example.com`, `example.com` with all below it), each with a port if need be, or `*`.
 *
 * @returns its URL; undefined for none, and for this machine itself
 */
export function proxyFor(url: URL, environment: HttpClientOptions['environment']): string | undefined {
  const host = url.hostname.toLowerCase();
  if (host === 'localhost' || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host)) {
    return undefined;
  }
  const proxies = proxiesOf(environment);
  const proxy = url.protocol === 'https:' ? proxies.https : proxies.http;
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  const exceptions = (variable(environment, 'no_proxy') ?? '').toLowerCase().split(/[\s,]+/);
  const isException = exceptions
    .filter((entry) => entry !== '')
    .some((entry) => {
      const [, name = entry, onlyPort = port] = /^(.+):(\d+)$/.exec(entry) ?? [];
      const domain = name.replace(/^\*?\./, '');
      return name === '*' || (onlyPort === port && (host === domain || host.endsWith(`.${domain}`)));
    });
  return isException ? undefined : proxy;
}

function proxiesOf(environment: HttpClientOptions['environment']) {
  return {
    https: proxyUrl('https_proxy', environment),
    http: proxyUrl('http_proxy', environment),
  };
}

function proxyUrl(name: string, environment: HttpClientOptions['environment']): string | undefined {
  const value = variable(environment, name);
  if (value === undefined) {
    return undefined;
  }
  // `proxy.example.com:3128` is what many write.
  const url = value.includes('://') ? value : `http://${value}`;
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    // It may hold a password.
    throw new Error(`${name.toUpperCase()} is no http:// or https:// URL of a proxy`);
  }
  return url;
}

function variable(environment: HttpClientOptions['environment'], name: string): string | undefined {
  return environment[name] || environment[name.toUpperCase()] || undefined;
}

async function certificates(
  caFile: string | undefined,
  extraFile: string | undefined,
): Promise<string[] | undefined> {
  if (caFile === undefined) {
    // Node's own, with NODE_EXTRA_CA_CERTS among them.
    return undefined;
  }
  // What is named here takes the place of all that Node trusts by itself.
  const given = await readFile(caFile, 'utf8').catch((error: unknown) => {
    throw new Error(
      `--ca-file ${caFile} cannot be read (${isNativeError(error) ? error.message : String(error)})`,
    );
  });
  if (!given.includes('-----BEGIN CERTIFICATE-----')) {
    throw new Error(`--ca-file ${caFile} holds no PEM certificate`);
  }
  // As Node itself, which warns of such a file and goes on without.
  const extra = await readFile(extraFile ?? '', 'utf8').catch(() => '');
  return [...rootCertificates, ...(extra === '' ? [] : [extra]), given];
}

/** Says that it is the proxy that did not let it pass, where its own answer or the way to it is meant. */
function throughProxy(error: unknown, proxy: string): unknown {
  const cause = causeOf(error);
  const { host } = new URL(proxy);
  const answered = [cause, causeOf(cause)].map(
    (each) => /Proxy response \((\d{3})\)/.exec(String(each))?.[1],
  );
  const status = answered.find((each) => each !== undefined);
  if (status !== undefined) {
    return failed(`by way of the proxy ${host}: it answered ${status}`, cause);
  }
  return isNativeError(cause)
    ? failed(`by way of the proxy ${host}: ${'code' in cause ? String(cause.code) : cause.message}`, cause)
    : error;
}

/** As fetch itself says it. */
function failed(message: string, cause: unknown): TypeError {
  return new TypeError('fetch failed', { cause: new Error(message, { cause }) });
}

/** A DOMException, which fetch puts in between, is no native error. */
function causeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'cause' in error ? error.cause : undefined;
}
