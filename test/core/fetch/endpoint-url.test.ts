import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readEndpointUrl, urlBelow } from '../../../core/fetch/endpoint-url.ts';

describe('an endpoint', () => {
  it.each([
    ['https://api.example', 'https://api.example/'],
    ['https://api.example/', 'https://api.example/'],
    ['https://api.example///', 'https://api.example/'],
    ['https://api.example/stage//', 'https://api.example/stage'],
    ['https://api.example:8443/a/b', 'https://api.example:8443/a/b'],
    ['https://[2001:db8::1]:8443', 'https://[2001:db8::1]:8443/'],
    ['  https://API.example\n', 'https://api.example/'],
    ['http://127.0.0.1:3000/', 'http://127.0.0.1:3000/'],
    ['http://[::1]:3000', 'http://[::1]:3000/'],
    ['http://localhost', 'http://localhost/'],
  ])('%j is taken', (given, expected) => {
    expect(readEndpointUrl(given)?.href).toBe(expected);
  });

  it.each([
    'api.example',
    'http://api.example',
    'http://127.0.0.1.example',
    'https://user:secret@api.example',
    'https://user@api.example',
    'https://api.example/?a=b',
    'https://api.example/?',
    'https://api.example/#part',
    'https://api.example//stage',
    'https://api.example/a//b',
    'https:\\\\api.example',
    'https:api.example',
    'https:///api.example',
    'https://api.exa\nmple',
    'https://api.example/a b',
    'https://api.example:99999',
    'https://',
    'ftp://127.0.0.1/',
    '',
  ])('%j is refused', (given) => {
    expect(readEndpointUrl(given)).toBeUndefined();
  });
});

describe('a URL below an endpoint', () => {
  it.each([
    ['https://api.example', 'https://api.example/control-planes/prod?a=b%26c'],
    ['https://api.example//', 'https://api.example/control-planes/prod?a=b%26c'],
    ['https://api.example/x//', 'https://api.example/x/control-planes/prod?a=b%26c'],
    ['https://[2001:db8::1]:8443/x', 'https://[2001:db8::1]:8443/x/control-planes/prod?a=b%26c'],
  ])('of %s is %s', (endpoint, expected) => {
    expect(urlBelow(new URL(endpoint), '/control-planes/prod', { a: 'b&c' }).href).toBe(expected);
  });

  it('has its host, whatever path it has', () => {
    fc.assert(
      fc.property(fc.webUrl(), fc.string(), fc.string(), (base, prefix, path) => {
        const endpoint = new URL(base);
        endpoint.pathname = prefix;

        return urlBelow(endpoint, `/${path}`).host === endpoint.host;
      }),
    );
  });
});
