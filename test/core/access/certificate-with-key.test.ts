import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  readCertificates,
  readCertificateWithKey,
  UnusableClusterCertificate,
} from '../../../core/access/certificate-with-key.ts';
import { authorityExtensions, type Issued, issue } from './certificates.ts';

let root: Issued;
let intermediate: Issued;
let own: Issued;
let other: Issued;
beforeAll(async () => {
  root = await issue({ commonName: 'root', extensions: authorityExtensions() });
  intermediate = await issue({
    commonName: 'intermediate',
    issuer: root,
    extensions: authorityExtensions(),
  });
  own = await issue({ commonName: 'data-plane', issuer: intermediate });
  other = await issue();
});

const sec1 = ({ key }: Issued) => key.export({ format: 'pem', type: 'sec1' }).toString();
const locked = ({ key }: Issued, type: 'pkcs8' | 'sec1') =>
  key.export({ format: 'pem', type, cipher: 'aes-256-cbc', passphrase: 'sesame' }).toString();
// `openssl ecparam -name prime256v1`, which `openssl ecparam -genkey` puts before the key.
const parameters = '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n';

/** What became of a certificate on its way into a secret, a variable or a file. */
const ways: readonly [what: string, store: (pem: string) => string][] = [
  ['as they are', (pem) => pem],
  ['with CRLF', (pem) => pem.replaceAll('\n', '\r\n')],
  ['with blanks for line breaks', (pem) => pem.trim().replaceAll('\n', ' ')],
  ['with \\n as text', (pem) => pem.replaceAll('\n', '\\n')],
  ['with \\n escaped twice', (pem) => pem.replaceAll('\n', '\\\\n')],
  ['with \\r\\n as text', (pem) => pem.replaceAll('\n', '\\r\\n')],
  ['without line breaks', (pem) => pem.replaceAll('\n', '')],
  ['indented', (pem) => pem.replaceAll('\n', '\n    ')],
  ['behind a byte order mark', (pem) => `\uFEFF${pem}`],
  ['as base64', (pem) => Buffer.from(pem).toString('base64')],
  ['with bag attributes', (pem) => `Bag Attributes\n    localKeyID: 01\nsubject=CN = x\n${pem}`],
];

describe('a certificate and its key', () => {
  it.each(ways)('are read %s', (_, store) => {
    const { chain, key } = readCertificateWithKey(store(own.pem), store(own.keyPem));

    expect(chain.map(String)).toEqual([own.certificate.toString()]);
    expect(key.equals(own.key)).toBe(true);
  });

  it.each<[what: string, form: (pem: Issued) => string]>([
    ['in the older form', sec1],
    ['behind the parameters of its curve', (pem) => `${parameters}${sec1(pem)}`],
    ['in one file with the certificate', ({ pem, keyPem }) => `${pem}${keyPem}`],
  ])('are read with the key %s', (_, form) => {
    const { key } = readCertificateWithKey(own.pem, form(own));

    expect(key.equals(own.key)).toBe(true);
  });

  it('are read with an RSA key in the older form', async () => {
    const rsa = await issue({ keyType: 'RSA-2048' });

    const { key } = readCertificateWithKey(
      rsa.pem,
      rsa.key.export({ format: 'pem', type: 'pkcs1' }).toString(),
    );

    expect(key.equals(rsa.key)).toBe(true);
  });

  it.each<[what: string, given: () => readonly Issued[], expected: () => readonly Issued[]]>([
    ['the right one', () => [own, intermediate, root], () => [own, intermediate, root]],
    ['the other way round', () => [root, intermediate, own], () => [own, intermediate, root]],
    ['an authority before', () => [intermediate, own], () => [own, intermediate]],
    [
      'one of no matter before',
      () => [other, root, own, intermediate],
      () => [own, intermediate, root, other],
    ],
    ['twice, and not first', () => [intermediate, own, own], () => [own, intermediate]],
    // Nobody says what else stands there for: it is left as it is.
    ['the own one first', () => [own, other, intermediate], () => [own, other, intermediate]],
  ])('have this order: %s', (_, given, expected) => {
    const { chain } = readCertificateWithKey(
      given()
        .map(({ pem }) => pem)
        .join(''),
      own.keyPem,
    );

    expect(chain.map(String)).toEqual(expected().map(({ certificate }) => certificate.toString()));
  });

  it('survive whatever white space stands in them', () => {
    const blank = fc.constantFrom(' ', '\n', '\r\n', '\t', '\\n', '\\\\n');
    fc.assert(
      fc.property(fc.array(blank, { minLength: 1, maxLength: 4 }), (blanks) => {
        const store = (pem: string) => pem.trim().replaceAll('\n', blanks.join(''));
        const { chain, key } = readCertificateWithKey(store(own.pem), store(own.keyPem));
        return chain[0].raw.equals(own.certificate.raw) && key.equals(own.key);
      }),
    );
  });

  it.each<[what: string, certificate: () => string, key: () => string, words: RegExp]>([
    ['no certificate', () => ' ', () => own.keyPem, /^the certificate is empty$/],
    ['no key', () => own.pem, () => '', /^the key is empty$/],
    ['a certificate that is none', () => 'sesame', () => own.keyPem, /certificate is no PEM.*BEGIN CERT/],
    ['a key that is none', () => own.pem, () => 'sesame', /the key is no PEM.*BEGIN PRIVATE KEY/],
    ['both exchanged', () => own.keyPem, () => own.pem, /the certificate is a private key: .* exchanged/],
    ['the certificate twice', () => own.pem, () => own.pem, /the key is a certificate: .* exchanged/],
    ['half a certificate', () => own.pem.slice(0, 300), () => own.keyPem, /no whole PEM.*END CERTIFICATE/],
    ['half a key', () => own.pem, () => own.keyPem.slice(0, 100), /no whole PEM.*END PRIVATE KEY/],
    [
      'a changed certificate',
      () => own.pem.replace('MII', 'AAA'),
      () => own.keyPem,
      /certificate cannot be read:/,
    ],
    ['a changed key', () => own.pem, () => own.keyPem.replace('MIG', 'AAA'), /the key cannot be read/],
    [
      'a changed one behind',
      () => own.pem + root.pem.replace('MII', 'AAA'),
      () => own.keyPem,
      /cannot be read \(number 2 of those/,
    ],
    ['a key with a passphrase', () => own.pem, () => locked(own, 'pkcs8'), /passphrase.*openssl pkey/],
    ['an older key with a passphrase', () => own.pem, () => locked(own, 'sec1'), /passphrase/],
    [
      'an older key with a passphrase and blanks',
      () => own.pem,
      () => locked(own, 'sec1').replaceAll('\n', ' '),
      /passphrase/,
    ],
    ['two keys', () => own.pem, () => own.keyPem + other.keyPem, /there are 2 private keys/],
    ['the key of another', () => own.pem, () => other.keyPem, /key does not belong to the certificate/],
    ['the key of none', () => own.pem + root.pem, () => other.keyPem, /key belongs to none of the 2/],
  ])('are refused with %s, and quoted nowhere', (_, certificate, key, words) => {
    const read = () => readCertificateWithKey(certificate(), key());

    expect(read).toThrow(UnusableClusterCertificate);
    expect(read).toThrow(words);
    expect(read).not.toThrow(/sesame|MII|MIG|AAA/);
  });

  it('are refused where the key fits two of them, and not the first', async () => {
    const renewed = await issue({ commonName: 'renewed', keys: own.keys });
    const [before, after] = [own.pem + renewed.pem, renewed.pem + own.pem];

    const chosen = [before, after].map((pem) => readCertificateWithKey(pem, own.keyPem).chain[0]);

    expect(chosen.map(String)).toEqual([own, renewed].map(({ certificate }) => certificate.toString()));
    expect(() => readCertificateWithKey(root.pem + before, own.keyPem)).toThrow(
      /belongs to 2 of the 3 certificates, and not to the first one/,
    );
  });
});

describe('certificates', () => {
  it.each(ways)('are read %s, several too', (_, store) => {
    const read = readCertificates(store(root.pem + other.pem), 'ca');

    expect(read.map(String)).toEqual([root, other].map(({ certificate }) => certificate.toString()));
  });

  it('are named in what refuses them', () => {
    expect(() => readCertificates('', 'ca')).toThrow('the ca is empty');
  });
});
