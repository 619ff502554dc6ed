import { describe, expect, it } from '@jest/globals';
import { readStatusUrl } from '../../cli/kong-settings.ts';

describe('the address of Kong’s status API', () => {
  it.each([
    ['is Kong’s default where nothing is set', undefined, 'http://127.0.0.1:8007'],
    ['is what is set', '127.0.0.1:8100', 'http://127.0.0.1:8100'],
    ['is this machine’s for every address', '0.0.0.0:8100 reuseport backlog=16384', 'http://127.0.0.1:8100'],
    ['is this machine’s for every IPv6 address', '[::]:8100', 'http://[::1]:8100'],
    ['is the one without TLS', '0.0.0.0:8543 http2 ssl, 10.0.0.7:8100', 'http://10.0.0.7:8100'],
    ['has TLS where there is no other', 'kong:8543 ssl', 'https://kong:8543'],
    ['is not fooled by a name', 'ssl:8100', 'http://ssl:8100'],
  ])('%s', (_what, listen, url) => {
    expect(readStatusUrl(listen)).toBe(url);
  });

  it.each(['off', '', 'unix:/run/kong.sock', '8100'])('must be given for "%s"', (listen) => {
    expect(() => readStatusUrl(listen)).toThrow('set KONG_STATUS_LISTEN for Kong and here');
  });
});
