import { describe, expect, it } from '@jest/globals';
import { readProxies } from '../../../core/fetch/proxies.ts';

const proxy = 'http://proxy.example:3128';

describe('the proxy for a URL', () => {
  it.each<readonly [string, string, Readonly<Record<string, string>>, string | undefined]>([
    ['none is set', 'https://api.example/', {}, undefined],
    ['it is set to nothing', 'https://api.example/', { HTTPS_PROXY: '' }, undefined],
    ['HTTPS_PROXY is', 'https://api.example/', { HTTPS_PROXY: proxy }, proxy],
    ['https_proxy is', 'https://api.example/', { https_proxy: proxy }, proxy],
    [
      'both are, and the lower case counts',
      'https://api.example/',
      { https_proxy: proxy, HTTPS_PROXY: 'http://b' },
      proxy,
    ],
    ['it has no scheme', 'https://api.example/', { HTTPS_PROXY: 'proxy.example:3128' }, proxy],
    ['only HTTP_PROXY is', 'https://api.example/', { HTTP_PROXY: proxy }, undefined],
    ['HTTP_PROXY is', 'http://api.example/', { HTTP_PROXY: proxy }, proxy],
    ['only HTTPS_PROXY is, for plain HTTP', 'http://api.example/', { HTTPS_PROXY: proxy }, undefined],
    [
      'the host is excepted',
      'https://api.example/',
      { HTTPS_PROXY: proxy, NO_PROXY: 'api.example' },
      undefined,
    ],
    [
      'its case is another one',
      'https://API.example/',
      { HTTPS_PROXY: proxy, no_proxy: 'Api.Example' },
      undefined,
    ],
    ['its domain is', 'https://a.b.example/', { HTTPS_PROXY: proxy, NO_PROXY: 'x,.b.example' }, undefined],
    [
      'its domain is, without the dot',
      'https://a.b.example/',
      { HTTPS_PROXY: proxy, NO_PROXY: 'x, b.example' },
      undefined,
    ],
    [
      'its domain is, with a star',
      'https://a.b.example/',
      { HTTPS_PROXY: proxy, NO_PROXY: '*.b.example' },
      undefined,
    ],
    ['only its end is', 'https://ab.example/', { HTTPS_PROXY: proxy, NO_PROXY: 'b.example' }, proxy],
    [
      'its port is',
      'https://api.example:8443/',
      { HTTPS_PROXY: proxy, NO_PROXY: 'api.example:8443' },
      undefined,
    ],
    [
      'its usual port is',
      'https://api.example/',
      { HTTPS_PROXY: proxy, NO_PROXY: 'api.example:443' },
      undefined,
    ],
    ['another port is', 'https://api.example/', { HTTPS_PROXY: proxy, NO_PROXY: 'api.example:8443' }, proxy],
    ['all are', 'https://api.example/', { HTTPS_PROXY: proxy, NO_PROXY: '*' }, undefined],
    [
      'its name ends in a dot',
      'https://api.example./',
      { HTTPS_PROXY: proxy, NO_PROXY: 'api.example' },
      undefined,
    ],
    [
      'the exception ends in a dot',
      'https://api.example/',
      { HTTPS_PROXY: proxy, NO_PROXY: 'api.example.' },
      undefined,
    ],
    [
      'its domain is, with a port',
      'https://a.b.example:8443/',
      { HTTPS_PROXY: proxy, NO_PROXY: '.b.example:8443' },
      undefined,
    ],
    ['its address is', 'https://10.1.2.3/', { HTTPS_PROXY: proxy, NO_PROXY: '10.1.2.3' }, undefined],
    [
      'its address is, with another port',
      'https://10.1.2.3/',
      { HTTPS_PROXY: proxy, NO_PROXY: '10.1.2.3:8443' },
      proxy,
    ],
    ['its network is', 'https://10.1.2.3/', { HTTPS_PROXY: proxy, NO_PROXY: '10.0.0.0/8' }, undefined],
    [
      'its network is, with its port',
      'https://10.1.2.3:8443/',
      { HTTPS_PROXY: proxy, NO_PROXY: '10.0.0.0/8:8443' },
      undefined,
    ],
    ['the next network is', 'https://11.0.0.0/', { HTTPS_PROXY: proxy, NO_PROXY: '10.0.0.0/8' }, proxy],
    [
      'a network is, and it is a name',
      'https://10.example/',
      { HTTPS_PROXY: proxy, NO_PROXY: '10.0.0.0/8' },
      proxy,
    ],
    [
      'its IPv6 address is',
      'https://[2001:db8::1]/',
      { HTTPS_PROXY: proxy, NO_PROXY: '2001:DB8:0::1' },
      undefined,
    ],
    [
      'its IPv6 address is, in brackets',
      'https://[2001:db8::1]/',
      { HTTPS_PROXY: proxy, NO_PROXY: '[2001:db8::1]' },
      undefined,
    ],
    [
      'its IPv6 address is, with its port',
      'https://[2001:db8::1]:8443/',
      { HTTPS_PROXY: proxy, NO_PROXY: '[2001:db8::1]:8443' },
      undefined,
    ],
    [
      'its IPv6 address is, with another port',
      'https://[2001:db8::1]/',
      { HTTPS_PROXY: proxy, NO_PROXY: '[2001:db8::1]:8443' },
      proxy,
    ],
    ['its IPv6 network is', 'https://[fd12::1]/', { HTTPS_PROXY: proxy, NO_PROXY: 'fd00::/8' }, undefined],
    ['the next IPv6 network is', 'https://[fe00::1]/', { HTTPS_PROXY: proxy, NO_PROXY: 'fd00::/8' }, proxy],
    [
      'its IPv4 network is, and it is written as IPv6',
      'https://[::ffff:10.1.2.3]/',
      { HTTPS_PROXY: proxy, NO_PROXY: '10.0.0.0/8' },
      undefined,
    ],
    ['it is this machine by name', 'http://localhost:8007/', { HTTP_PROXY: proxy }, undefined],
    ['it is this machine by IPv4', 'http://127.0.0.2:8007/', { HTTP_PROXY: proxy }, undefined],
    ['it is this machine by IPv6', 'http://[::1]:8007/', { HTTP_PROXY: proxy }, undefined],
  ])('when %s', (_when, url, environment, expected) => {
    expect(readProxies(environment)(new URL(url))?.url.origin).toBe(expected);
  });
});

describe('what a proxy is given', () => {
  it.each([
    ['nothing', 'http://proxy.example:3128', undefined],
    ['user and password', 'http://svc:pass@proxy.example:3128', ['svc', 'pass']],
    ['a user alone', 'svc@proxy.example:3128', ['svc', '']],
    [
      'characters that are escaped',
      'http://CORP%5Csvc:100%25%23%2F%3F%40@proxy.example:3128',
      ['CORP\\svc', '100%#/?@'],
    ],
    ['letters outside of ASCII', 'http://svc:pässwörd@proxy.example:3128', ['svc', 'pässwörd']],
    [
      'a password with @ and :, whose end is clear',
      'http://svc:p@ss:word@proxy.example:3128',
      ['svc', 'p@ss:word'],
    ],
    ['a line break at the end, as files have it', 'http://svc:pass@proxy.example:3128\n', ['svc', 'pass']],
  ])('is %s', (_what, value, expected) => {
    const found = readProxies({ HTTPS_PROXY: value })(new URL('https://api.example/'));

    expect(found?.url.href).toBe(`${proxy}/`);
    expect(found?.credentials && [found.credentials.username, found.credentials.password]).toEqual(expected);
  });

  it('is at an IPv6 address as well', () => {
    const found = readProxies({ HTTPS_PROXY: 'http://svc:pass@[2001:db8::1]:3128' })(
      new URL('https://api.example/'),
    );

    expect(found?.url.host).toBe('[2001:db8::1]:3128');
  });
});

describe('a proxy that is not read as it was meant', () => {
  it.each([
    ['a raw % in its password', 'http://svc:100%secret@proxy.example:3128'],
    ['a raw % at the end of it', 'http://svc:secret%@proxy.example:3128'],
    ['a raw # behind digits', 'http://svc:2024#secret@proxy.example:3128'],
    ['a raw # behind letters', 'http://svc:secret#Win@proxy.example:3128'],
    ['a raw ?', 'http://svc:2024?secret@proxy.example:3128'],
    ['a raw /', 'http://svc:p@secret/word@proxy.example:3128'],
    ['a raw / behind digits', 'http://svc:2024/secret@proxy.example:3128'],
    ['a raw backslash', 'http://CORP\\svc:secret@proxy.example:3128'],
    ['a tab', 'http://svc:sec\tret@proxy.example:3128'],
    ['a path', 'http://proxy.example:3128/secret'],
    ['no host', 'http://'],
    ['another scheme', 'socks5://svc:secret@proxy.example:1080'],
    ['a scheme in the password', 'svc:secret://x@proxy.example:3128'],
  ])('is refused for %s, and nothing of it is repeated', (_what, value) => {
    const reading = () => readProxies({ https_proxy: value });

    expect(reading).toThrow(/^HTTPS_PROXY is not .*percent-encoded/);
    expect(reading).not.toThrow(/secret|svc|2024|Win|proxy\.example/);
  });

  it.each(['10.0.0.0/33', '10.0.0.0/', 'fd00::/129', '10.0.0.0/8/8'])(
    'is refused for the exception %s',
    (entry) => {
      expect(() => readProxies({ NO_PROXY: `a.example, ${entry}` })).toThrow(
        `NO_PROXY: ${entry} is not a network`,
      );
    },
  );
});
