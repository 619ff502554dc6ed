import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { parseSettings } from '../../../lib/settings/settings.ts';

const prod = { clusterEndpoint: 'kong-cp.example.com:8005', dataPlaneVersions: ['3.9.1'] };

/** The sentences that the keys of a deployment are refused with. */
function sentences(keys: object): readonly string[] {
  try {
    parseSettings({ controlPlanes: { prod }, ...keys });
  } catch (error) {
    return error instanceof Error ? error.message.split('\n').slice(1) : [String(error)];
  }
  return [];
}

const keyArn = (digit: number) =>
  `arn:aws:kms:eu-central-1:111122223333:key/${String(digit).repeat(8)}-89ab-cdef-0123-456789abcdef`;
const arnExpected = 'the ARN of a KMS key is expected, not of an alias';

describe('the setting previousEncryptionKeyArns', () => {
  it.each<[what: string, keys: object]>([
    ['beside the key that is made', { previousEncryptionKeyArns: [keyArn(1)] }],
    [
      'beside a key of the deployer’s',
      { encryptionKeyArn: keyArn(0), previousEncryptionKeyArns: [keyArn(1)] },
    ],
    ['three', { previousEncryptionKeyArns: [keyArn(1), keyArn(2), keyArn(3)] }],
    [
      'of all regions',
      { previousEncryptionKeyArns: [keyArn(1).replace(/key.*/, `key/mrk-${'a'.repeat(32)}`)] },
    ],
  ])('takes keys %s', (_what, keys) => {
    expect(sentences(keys)).toEqual([]);
  });

  it.each<[what: string, keys: object, path: string, sentence: string]>([
    [
      'one that is no list',
      { previousEncryptionKeyArns: keyArn(1) },
      '',
      'a list of ARNs of KMS keys is expected',
    ],
    [
      'an alias',
      { previousEncryptionKeyArns: ['arn:aws:kms:eu-central-1:111122223333:alias/vault'] },
      '.0',
      arnExpected,
    ],
    ['an id alone', { previousEncryptionKeyArns: [keyArn(1).split('/')[1]] }, '.0', arnExpected],
    ['one twice', { previousEncryptionKeyArns: [keyArn(1), keyArn(1)] }, '', 'a key is listed twice'],
    [
      'four',
      { previousEncryptionKeyArns: [1, 2, 3, 4].map(keyArn) },
      '',
      'at most 3 previous keys are allowed: take out those that no kept revision is under any more',
    ],
    [
      'the one that encrypts now',
      { encryptionKeyArn: keyArn(1), previousEncryptionKeyArns: [keyArn(2), keyArn(1)] },
      '',
      'the key that encrypts now (encryptionKeyArn) is among them: name only those that encrypted before it',
    ],
  ])('refuses %s', (_what, keys, path, sentence) => {
    expect(sentences(keys)).toEqual([
      expect.stringContaining(`- previousEncryptionKeyArns${path}: ${sentence}`),
    ]);
  });
});

const pair = (namedCurve: string) =>
  generateKeyPairSync('ec', {
    namedCurve,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
const pems = Array.from({ length: 6 }, () => pair('P-256').publicKey);
const [pem = '', other = ''] = pems;
const pemExpected = 'one public key in PEM form is expected, beginning with -----BEGIN PUBLIC KEY-----';

describe('the setting retiredSigningKeys', () => {
  it.each<[what: string, keys: readonly string[]]>([
    ['none', []],
    ['one with another line end', [pem.replaceAll('\n', '\r\n')]],
    ['five', pems.slice(0, 5)],
  ])('takes %s', (_what, retiredSigningKeys) => {
    expect(sentences({ retiredSigningKeys })).toEqual([]);
  });

  it.each<[what: string, keys: unknown, path: string, sentence: string]>([
    ['one that is no list', pem, '', 'a list of public keys is expected, in brackets'],
    ['the name of a file', ['signing-key.pem'], '.0', pemExpected],
    ['two in one entry', [`${pem}${other}`], '.0', pemExpected],
    ['one that is broken', [pem.replace('MFkw', 'AAAA')], '.0', pemExpected],
    ['what is no text', [7], '.0', pemExpected],
    ['a key of another curve', [pair('P-384').publicKey], '.0', 'the key is not on the curve P-256'],
    [
      'a key of another kind',
      [generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' })],
      '.0',
      'the key is not on the curve P-256',
    ],
    ['one twice', [pem, other, pem.replaceAll('\n', '\r\n')], '', 'a key is listed twice'],
    ['six', pems, '', 'at most 5 retired keys are allowed'],
  ])('refuses %s', (_what, retiredSigningKeys, path, sentence) => {
    expect(sentences({ retiredSigningKeys })).toEqual([
      expect.stringContaining(`- retiredSigningKeys${path}: ${sentence}`),
    ]);
  });

  it('refuses a private key, and does not repeat it', () => {
    const { privateKey } = pair('P-256');

    const said = sentences({ retiredSigningKeys: [privateKey] });

    expect(said).toEqual([expect.stringContaining('it contains a private key')]);
    expect(said.join()).not.toContain(privateKey.split('\n')[1]);
  });
});

describe('the setting signingKeyArns', () => {
  it.each<[what: string, keys: object]>([
    ['of the first key', { signingKeyArns: { first: keyArn(1) } }],
    ['of some', { signingKeys: ['second', 'first'], signingKeyArns: { first: keyArn(1) } }],
    ['of all', { signingKeys: ['second', 'first'], signingKeyArns: { first: keyArn(1), second: keyArn(2) } }],
  ])('takes ARNs %s', (_what, keys) => {
    expect(sentences(keys)).toEqual([]);
  });

  it.each<[what: string, keys: object, sentence: string]>([
    [
      'a list',
      { signingKeyArns: [keyArn(1)] },
      '- signingKeyArns: a key is named that is not among signingKeys: list it there, the one that signs first',
    ],
    ['an alias', { signingKeyArns: { first: 'alias/first' } }, `- signingKeyArns.first: ${arnExpected}`],
    [
      'a key that is not listed',
      { signingKeyArns: { second: keyArn(1) } },
      '- signingKeyArns: a key is named that is not among signingKeys: list it there, the one that signs first',
    ],
    [
      'a key twice',
      { signingKeys: ['first', 'second'], signingKeyArns: { first: keyArn(1), second: keyArn(1) } },
      '- signingKeyArns: a key is given twice, and each name needs a key of its own',
    ],
  ])('refuses %s', (_what, keys, sentence) => {
    expect(sentences(keys)).toEqual([expect.stringContaining(sentence)]);
  });
});
