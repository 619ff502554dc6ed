import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { certificateFields } from '../../../core/access/certificate-fields.ts';

/** A certificate that openssl makes, which is not what made those of the other tests. */
function certificate(...options: readonly string[]): Buffer {
  const pem = execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'],
      ...['-keyout', '/dev/null', '-multivalue-rdn', ...options],
    ],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
  );
  return new X509Certificate(pem).raw;
}

describe('what a certificate says of itself', () => {
  it.each([
    ['/CN=data-plane', ['data-plane']],
    ['/C=DE/O=Example/CN=data plane ü', ['data plane ü']],
    ['/O=CN=data-plane', []],
    ['/CN=one/O=Example/CN=two', ['one', 'two']],
    ['/O=Example+CN=both', ['both']],
  ])('of the subject %s are the common names', (subject, names) => {
    const fields = certificateFields(certificate('-utf8', '-subj', subject));

    expect(fields.commonNames).toEqual(names);
  });

  it('is all that openssl puts into it', () => {
    const fields = certificateFields(
      certificate(
        ...['-subj', '/CN=a', '-addext', 'basicConstraints=critical,CA:TRUE,pathlen:3'],
        ...['-addext', 'keyUsage=critical,keyCertSign', '-addext', 'extendedKeyUsage=serverAuth'],
        ...['-addext', 'nameConstraints=critical,permitted;DNS:example.com'],
      ),
    );

    expect(fields).toEqual({
      isSafelySigned: true,
      isAuthority: true,
      pathLength: 3,
      maySign: false,
      mayIssue: true,
      mayBeClient: false,
      commonNames: ['a'],
      hasNameConstraints: true,
      hasUnknownRule: true,
    });
  });

  it.each([
    ['SHA-1', '-sha1', false],
    ['SHA-256', '-sha256', true],
    ['SHA-512', '-sha512', true],
  ])('with %s is safely signed: %s', (_, digest, safe) => {
    expect(certificateFields(certificate('-subj', '/CN=a', digest)).isSafelySigned).toBe(safe);
  });

  it('is nothing where there is no certificate', () => {
    expect(() => certificateFields(Buffer.from([0x05, 0x00]))).toThrow(RangeError);
  });
});
