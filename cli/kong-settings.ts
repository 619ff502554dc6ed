import { InvalidArgumentError } from 'commander';

/** Where newer Kongs listen by default (kong.conf, status_listen); others have it off until it is set. */
export const defaultStatusUrl = 'http://127.0.0.1:8007';

/**
 * Where Kong's status API is on this machine, by Kong's own setting, for example `0.0.0.0:8100 reuseport,
 * 0.0.0.0:8543 ssl`: its first listener without TLS, else its first.
 *
 * @param listen value of KONG_STATUS_LISTEN, or of status_listen in `.kong_env`; undefined when it is not set
 * @throws InvalidArgumentError when there is no such API
 */
export function readStatusUrl(listen: string | undefined): string {
  if (listen === undefined) {
    return defaultStatusUrl;
  }
  const listeners = listen.split(',').flatMap((listener) => {
    const [, host, port, flags = ''] =
      /^\s*(\[[0-9a-fA-F:]+\]|[^\s:]+):(\d{1,5})(\s.*)?$/.exec(listener) ?? [];
    return host === undefined ? [] : [{ host, port, isTls: /\sssl(\s|$)/.test(flags) }];
  });
  const found = listeners.find(({ isTls }) => !isTls) ?? listeners[0];
  if (found === undefined) {
    throw new InvalidArgumentError(
      `Kong’s status API has no address (status_listen is "${listen}"): set KONG_STATUS_LISTEN for Kong and here, for example to 127.0.0.1:8007, or give --status-url`,
    );
  }
  return `${found.isTls ? 'https' : 'http'}://${reachable(found.host)}:${found.port}`;
}

/** What listens on every address is asked on the machine's own. */
function reachable(host: string): string {
  return { '0.0.0.0': '127.0.0.1', '[::]': '[::1]' }[host] ?? host;
}
