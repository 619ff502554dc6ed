/** URLs of endpoints, read as they were meant or not at all, and put together from parts. */

/**
 * Reads the base URL of an endpoint: HTTPS, or HTTP to this machine, because a grant holds a secret URL. It
 * has a host, perhaps a port and a path, and any number of slashes at its end.
 *
 * @returns undefined for everything else: user, password, query and fragment would silently be left out, and
 * what a parser mends (backslashes, line breaks, empty segments) leads somewhere else
 */
export function readEndpointUrl(given: string): URL | undefined {
  const text = given.trim();
  if (/[\s\\?#\p{Cc}]/u.test(text) || !URL.canParse(text)) {
    return undefined;
  }
  const url = new URL(text);
  url.pathname = url.pathname.replace(/\/+$/, '');
  const isSecret = url.protocol === 'https:' || (url.protocol === 'http:' && isThisMachine(url));
  const isBare = url.username === '' && url.password === '' && !url.pathname.includes('//');
  return isSecret && isBare && /^https?:\/\/[^/]/i.test(text) ? url : undefined;
}

/** A URL of a path below an endpoint. Its host is the endpoint's, whatever the paths are. */
export function urlBelow(endpoint: URL, path: string, query: Readonly<Record<string, string>> = {}): URL {
  const url = new URL(endpoint);
  url.pathname = `${endpoint.pathname.replace(/\/+$/, '')}${path}`;
  url.search = new URLSearchParams(query).toString();
  return url;
}

export function isThisMachine({ hostname }: URL): boolean {
  return ['127.0.0.1', '[::1]', 'localhost'].includes(hostname);
}
