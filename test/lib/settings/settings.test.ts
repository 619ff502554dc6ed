import { describe, expect, it } from '@jest/globals';
import { parseAppSettings, parseSettings } from '../../../lib/settings/settings.ts';
import { exampleCertificate } from '../../../policy/example-certificate.ts';
import {
  authorityExtensions,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  Extension,
  issue,
} from '../../core/access/certificates.ts';

const [oddKey, noAuthority, shortAuthority, ruledAuthority] = await Promise.all([
  issue({ keyType: 'P-521' }),
  issue(),
  issue({ keyType: 'RSA-1024', extensions: authorityExtensions() }),
  issue({
    extensions: [...authorityExtensions(), new Extension('1.2.3.4', true, Buffer.from('3000', 'hex'))],
  }),
]);
const [serverAuthority, constrainedAuthority] = await Promise.all([
  issue({
    extensions: [...authorityExtensions(), new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth])],
  }),
  // Name constraints (RFC 5280 section 4.2.1.10), which need not be critical.
  issue({
    extensions: [...authorityExtensions(), new Extension('2.5.29.30', false, Buffer.from('3000', 'hex'))],
  }),
]);
const prod = { clusterEndpoint: 'kong-cp.example.com:8005', dataPlaneVersions: ['3.9.1'] };
const vpc = {
  vpcId: 'vpc-0123456789abcdef0',
  availabilityZones: ['eu-central-1a', 'eu-central-1b'],
  subnetIds: ['subnet-0000000a', 'subnet-0000000b'],
  securityGroupIds: ['sg-0123456789abcdef0'],
};
const certificateArn =
  'arn:aws:acm:eu-central-1:111122223333:certificate/01234567-89ab-cdef-0123-456789abcdef';
const secretArn = 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:kong/cluster-AbCdEf';

function given(deployment: object, controlPlane: object = {}): unknown {
  return { controlPlanes: { prod: { ...prod, ...controlPlane } }, ...deployment };
}

function numbered(count: number): Readonly<Record<string, object>> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`cp-${index}`, prod]));
}

function versions(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `3.9.${index}`);
}

/** The sentences that a wrong setting is refused with. */
function sentences(settings: unknown): readonly string[] {
  try {
    parseSettings(settings);
  } catch (error) {
    return error instanceof Error ? error.message.split('\n').slice(1) : [String(error)];
  }
  return [];
}

const onePem = 'one certificate in PEM form is expected, beginning with -----BEGIN CERTIFICATE-----';

/** What is wrong with a `dataPlaneAuth`, where, and the sentence. */
const wrongWays: readonly (readonly [
  what: string,
  dataPlaneAuth: unknown,
  path: string,
  sentence: string,
])[] = [
  [
    'no way at all',
    {},
    '',
    'no data plane could ask for a grant: set iam to true, or name clusterCertificate',
  ],
  ['an iam in quotes', { iam: 'true' }, 'iam', 'true or false is expected'],
  ['cluster certificates without any', { clusterCertificate: {} }, 'clusterCertificate', 'name certificates'],
  [
    'common names without an authority',
    { clusterCertificate: { certificates: [exampleCertificate], commonNames: ['a'] } },
    'clusterCertificate',
    'commonNames are for certificates that authorities issue',
  ],
  [
    'an empty list of certificates',
    { clusterCertificate: { certificates: [] } },
    'clusterCertificate.certificates',
    'name at least one certificate',
  ],
  [
    'eleven certificates',
    { clusterCertificate: { certificates: Array(11).fill(exampleCertificate) } },
    'clusterCertificate.certificates',
    'at most 10 certificates are allowed',
  ],
  [
    'the name of a file',
    { clusterCertificate: { certificates: ['cluster.crt'] } },
    'clusterCertificate.certificates.0',
    onePem,
  ],
  [
    'two certificates in one entry',
    { clusterCertificate: { certificates: [`${exampleCertificate}\n${exampleCertificate}`] } },
    'clusterCertificate.certificates.0',
    onePem,
  ],
  [
    'a certificate that is broken',
    { clusterCertificate: { certificates: [exampleCertificate.replace('MII', 'AAA')] } },
    'clusterCertificate.certificates.0',
    onePem,
  ],
  [
    'a key beside its certificate',
    { clusterCertificate: { certificates: [`${exampleCertificate}\n-----BEGIN PRIVATE KEY-----`] } },
    'clusterCertificate.certificates.0',
    'it contains a private key',
  ],
  [
    'a certificate with an odd key',
    { clusterCertificate: { certificates: [oddKey.pem] } },
    'clusterCertificate.certificates.0',
    'no assertions can be made with the key of this certificate',
  ],
  [
    'an authority that is none',
    { clusterCertificate: { authorities: [noAuthority.pem] } },
    'clusterCertificate.authorities.0',
    'this is not the certificate of an authority',
  ],
  [
    'an authority with a short key',
    { clusterCertificate: { authorities: [shortAuthority.pem] } },
    'clusterCertificate.authorities.0',
    'the authority’s RSA key is too short',
  ],
  [
    'an authority with a rule that nobody here follows',
    { clusterCertificate: { authorities: [ruledAuthority.pem] } },
    'clusterCertificate.authorities.0',
    'the authority has a critical extension that Lifeboat does not know',
  ],
  ...[
    ['for web servers alone', serverAuthority] as const,
    ['with name constraints', constrainedAuthority] as const,
  ].map(
    ([what, { pem }]) =>
      [
        `an authority ${what}`,
        { clusterCertificate: { authorities: [pem] } },
        'clusterCertificate.authorities.0',
        'the authority may not issue for TLS clients',
      ] as const,
  ),
  ...['', 'a,b', 'a\nb', 'x'.repeat(65)].map(
    (name) =>
      [
        `the common name ${JSON.stringify(name)}`,
        { clusterCertificate: { authorities: [exampleCertificate], commonNames: [name] } },
        'clusterCertificate.commonNames.0',
        'a common name is expected',
      ] as const,
  ),
];

/** What is wrong, the settings, and the path and sentence that they are refused with. */
type Wrong = readonly [what: string, settings: unknown, path: string, sentence: string];

describe('the settings of a deployment', () => {
  it('need no more than an endpoint and a version', () => {
    const settings = parseSettings(given({}));

    expect(settings).toEqual({
      controlPlanes: {
        prod: {
          ...prod,
          clusterMtls: 'shared',
          customPlugins: [],
          wasmFilters: [],
          maxFrameMiB: 64,
          memoryMiB: 1024,
          operatorRoleArns: [],
          fileReaderRoleArns: [],
          dataPlaneAuth: { iam: true },
          listen: false,
          guard: { minimumEntities: 10, maximumLossPercent: 50 },
        },
      },
      dataPlaneAuth: { iam: true },
      urlLifetimeSeconds: 120,
      coalescingWindowSeconds: 1,
      scheduleMinutes: 5,
      drillHours: 24,
      lmdbMapMiB: 2048,
      settleSeconds: 7,
      clockToleranceSeconds: 1,
      minimumIntervalSeconds: 5,
      acceptSha1: true,
      noncurrentVersionDays: 30,
      noncurrentVersionsKept: 30,
      objectLockDays: 0,
      vaultMadeWith: {},
      logRetentionDays: 30,
      logKey: true,
      dashboard: true,
      previousEncryptionKeyArns: [],
      signingKeyArns: {},
      signingKeys: ['first'],
      retiredSigningKeys: [],
      tags: {},
      reservedConcurrency: {},
      runbookUrl: 'https://lifeboat.example.com/docs/runbook.md',
      dataEvents: false,
      ipv6: false,
    });
  });

  it('keep all that is given', () => {
    const controlPlane = {
      clusterMtls: 'pki',
      clusterServerName: 'kong-cp.internal',
      dataPlaneVersions: ['3.9.1', '3.9.1.2'],
      customPlugins: ['my-plugin', 'other_plugin2', 'cors'],
      wasmFilters: ['response_transformer', 'my.filter-2'],
      maxFrameMiB: 256,
      memoryMiB: 1536,
      clusterCertificateSecretArn: secretArn,
      eventHookSecretArn: secretArn.replace('aws', 'aws-us-gov'),
      proxyServer: 'http://proxy.example.com:3128',
      proxySecretArn: secretArn.replace('name', 'proxy'),
      readerRoleTrust: ['111122223333', 'arn:aws:iam::111122223333:role/path/data-plane'],
      operatorRoleArns: ['arn:aws:iam::111122223333:role/on-call'],
      fileReaderRoleArns: ['arn:aws:iam::444455556666:role/path/auditor'],
      vpc,
      listen: true,
      guard: { minimumEntities: 1_000_000, maximumLossPercent: 100 },
    };
    const deployment = {
      acceptSha1: false,
      logRetentionDays: 3653,
      alarmTopicArn: 'arn:aws-cn:sns:cn-north-1:111122223333:on-call_1',
      runbookUrl: 'https://wiki.example.com/lifeboat?page=runbook',
      dataEvents: true,
      ipv6: true,
    };

    const settings = parseSettings(given(deployment, controlPlane));

    expect(settings).toMatchObject(deployment);
    expect(settings.controlPlanes['prod']).toEqual({
      ...prod,
      ...controlPlane,
      dataPlaneAuth: { iam: true },
    });
  });

  it('has each control plane’s data planes prove themselves as it says, or as the deployment does', () => {
    const byCertificate = { iam: false, clusterCertificate: { certificates: [exampleCertificate] } };

    const { controlPlanes, dataPlaneAuth } = parseSettings({
      controlPlanes: { prod, staging: { ...prod, dataPlaneAuth: { iam: true } } },
      dataPlaneAuth: { clusterCertificate: byCertificate.clusterCertificate },
    });

    expect(dataPlaneAuth).toEqual(byCertificate);
    expect(controlPlanes['prod']?.dataPlaneAuth).toEqual(byCertificate);
    expect(controlPlanes['staging']?.dataPlaneAuth).toEqual({ iam: true });
  });

  it.each([
    ['urlLifetimeSeconds', 60, 900],
    ['coalescingWindowSeconds', 1, 60],
    ['scheduleMinutes', 1, 60],
    ['settleSeconds', 1, 60],
    ['clockToleranceSeconds', 0, 60],
    ['minimumIntervalSeconds', 0, 30],
    ['noncurrentVersionDays', 1, 3650],
    ['noncurrentVersionsKept', 1, 100],
    ['objectLockDays', 0, 3650],
  ])('take %s from %d to %d', (name, least, most) => {
    const vaultMadeWith = { objectLock: true };
    const taken = [least, most].map((value) => sentences(given({ vaultMadeWith, [name]: value })));
    const refused = [least - 1, most + 1, least + 0.5, String(least), null].map((value) =>
      sentences(given({ [name]: value })),
    );

    expect(taken).toEqual([[], []]);
    expect(refused).toEqual([
      [expect.stringMatching(`^- ${name}: at least ${least} \\w+ are expected$`)],
      [expect.stringMatching(`^- ${name}: at most ${most} \\w+ are allowed$`)],
      [expect.stringMatching(`^- ${name}: a whole number of \\w+ is expected$`)],
      [expect.stringMatching(`^- ${name}: a number of \\w+ from ${least} to ${most} is expected$`)],
      [expect.stringMatching(`^- ${name}: a number of \\w+ from ${least} to ${most} is expected$`)],
    ]);
  });

  it.each(['a', 'a-0', 'eu-central-1', '0', 'x'.repeat(40)])('take the control plane name %p', (name) => {
    const said = sentences({ controlPlanes: { [name]: prod } });

    expect(said).toEqual([]);
  });

  it.each([
    'kong-cp:1',
    'kong-cp:65535',
    '10.0.0.7:8005',
    '[fd00::7]:8005',
    '[2001:db8::1]:8005',
    'cp.konghq.com:443',
  ])('take the endpoint %p', (clusterEndpoint) => {
    const said = sentences(given({}, { clusterEndpoint }));

    expect(said).toEqual([]);
  });

  it.each([
    'http://proxy:3128',
    'https://proxy.example.com:443/',
    'http://[fd00::7]:3128',
    'http://10.0.0.7:1',
  ])('take the proxy %p, with a secret or without', (proxyServer) => {
    const said = [{ proxyServer }, { proxyServer, proxySecretArn: secretArn }].flatMap((proxy) =>
      sentences(given({}, proxy)),
    );

    expect(said).toEqual([]);
  });

  it('do not repeat the password in the URL of a proxy', () => {
    const said = sentences(given({}, { proxyServer: 'http://lifeboat:sesame@proxy:3128' }));

    expect(said).toEqual([
      expect.stringMatching(/^- controlPlanes.prod.proxyServer: it has a user or a pass.*proxySecretArn$/),
    ]);
    expect(said.join()).not.toContain('sesame');
  });

  it('take one control plane or more', () => {
    const said = [1, 0].map((count) => sentences({ controlPlanes: numbered(count) }));

    expect(said).toEqual([[], ['- controlPlanes: name at least one control plane']]);
  });

  it('take one to ten readers', () => {
    const accounts = (count: number) =>
      Array.from({ length: count }, (_, index) => String(index).padStart(12, '0'));

    const said = [1, 10, 0, 11].map((count) => sentences(given({}, { readerRoleTrust: accounts(count) })));

    const path = '- controlPlanes.prod.readerRoleTrust';
    expect(said).toEqual([
      [],
      [],
      [`${path}: name at least one account, role or user, or remove the setting`],
      [`${path}: at most 10 are allowed: name accounts, which let their own administrators say who`],
    ]);
  });

  it.each([
    ['cp.konghq.com:443', false],
    ['EU.CP0.KongHQ.com:443', false],
    ['cp.konghq.tech:443', false],
    ['konghq.com:443', false],
    ['konghq.com.example.com:443', true],
    ['notkonghq.com:443', true],
  ])('let one listen to %s: %s', (clusterEndpoint, isTaken) => {
    const said = sentences(given({}, { clusterEndpoint, listen: true }));

    expect(said).toEqual(
      isTaken
        ? []
        : [
            '- controlPlanes.prod.listen: listening to a control plane of Konnect was not tried, and is not offered: remove the setting, and ' +
              'choose a smaller scheduleMinutes where 5 minutes are too long',
          ],
    );
  });

  it('let a guard be off, or have the limits that are given', () => {
    const guards = ['off', {}, { minimumEntities: 1 }, { maximumLossPercent: 0 }].map(
      (guard) => parseSettings(given({}, { guard })).controlPlanes['prod']?.guard,
    );

    expect(guards).toEqual([
      'off',
      { minimumEntities: 10, maximumLossPercent: 50 },
      { minimumEntities: 1, maximumLossPercent: 50 },
      { minimumEntities: 10, maximumLossPercent: 0 },
    ]);
  });

  it.each([
    ['on', 'guard: either "off" or an object with limits is expected'],
    [true, 'guard: an object with settings is expected, in braces'],
    [{ minimumEntities: 0 }, 'guard.minimumEntities: at least 1 entities are expected'],
    [{ maximumLossPercent: 101 }, 'guard.maximumLossPercent: at most 100 percent are allowed'],
    [
      { minimum: 1 },
      'guard.minimum: there is no such setting here: remove it, or choose one of minimumEntities, maximumLossPercent',
    ],
  ])('refuse the guard %j', (guard, sentence) => {
    expect(sentences(given({}, { guard }))).toEqual([`- controlPlanes.prod.${sentence}`]);
  });

  it('let one control plane have one listener, whatever it is called', () => {
    const named = (clusterEndpoint: string, listen: boolean) => ({ ...prod, clusterEndpoint, listen });
    const both = (first: object, second: object) => ({ controlPlanes: { first, second } });

    const said = [
      both(named('cp:8005', true), named('cp:8006', true)),
      both(named('cp:8005', true), named('cp:8005', false)),
      both(named('cp:8005', true), named('CP:8005', true)),
    ].map(sentences);

    expect(said).toEqual([
      [],
      [],
      [
        '- controlPlanes: two control planes with the same clusterEndpoint have listen: one control plane has one listener, so keep the ' +
          'setting at one of them',
      ],
    ]);
  });

  const role = (name: string) => `arn:aws:iam::111122223333:role/${name}`;

  it('take three readers of files in all, with ARNs of up to 120 characters', () => {
    const roles = (count: number) => Array.from({ length: count }, (_, index) => role(`auditor${index}`));
    const twoUnits = (first: number, second: number) => ({
      controlPlanes: {
        prod: { ...prod, fileReaderRoleArns: roles(first) },
        staging: { ...prod, fileReaderRoleArns: roles(second) },
      },
    });
    const longest = (length: number) => role('a'.repeat(length - role('').length));

    const said = [
      twoUnits(3, 0),
      twoUnits(1, 2),
      twoUnits(2, 2),
      given({}, { fileReaderRoleArns: [longest(120)] }),
      given({}, { fileReaderRoleArns: [longest(121)] }),
      given({}, { fileReaderRoleArns: [role('auditor'), role('auditor')] }),
      given({}, { fileReaderRoleArns: ['111122223333'] }),
    ].map(sentences);

    const path = '- controlPlanes.prod.fileReaderRoleArns';
    expect(said).toEqual([
      [],
      [],
      [
        '- controlPlanes: at most 3 fileReaderRoleArns fit into one deployment: data planes ask for grants, and need not be listed',
      ],
      [],
      [`${path}.0: at most 120 characters are allowed: take a role with a shorter path`],
      [`${path}: a role is listed twice`],
      [`${path}.0: the ARN of a role is expected, for example "arn:aws:iam::111122223333:role/break-glass"`],
    ]);
  });

  it.each([
    ['tags', { 'cost center': 'a/b', ['k'.repeat(128)]: 'v'.repeat(256), empty: '' }],
    ['tags', Object.fromEntries(Array.from({ length: 45 }, (_, index) => [`tag${index}`, '']))],
    ['permissionsBoundaryArn', 'arn:aws:iam::111122223333:policy/path/boundary'],
    ['permissionsBoundaryArn', 'arn:aws:iam::aws:policy/PowerUserAccess'],
    ['reservedConcurrency', { webhook: 1, presign: 1000 }],
    ['reservedConcurrency', { listen: 1 }],
    ['reservedConcurrency', {}],
    ['lockdown', { breakGlassRoleArn: role('break-glass'), deploymentRoleArn: role('cdk/deploy') }],
    ['domain', { name: 'lifeboat.example.com', certificateArn }],
    ['domain', { name: 'a.xn--p1ai', certificateArn: certificateArn.replace('aws', 'aws-cn') }],
    ['domain', { name: `${'a'.repeat(63)}.example`, certificateArn, hostedZoneId: `Z${'0'.repeat(31)}` }],
    ['domain', { name: 'api.example.com', certificateArn, disableDefaultEndpoint: true }],
  ])('take the %s %j', (name, value) => {
    const said = sentences(given({ [name]: value }));

    expect(said).toEqual([]);
  });

  it.each([
    ['bucketName', 'abc'],
    ['bucketName', `a${'-'.repeat(61)}0`],
    ['encryptionKeyArn', 'arn:aws:kms:eu-central-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef'],
    ['encryptionKeyArn', `arn:aws-cn:kms:cn-north-1:111122223333:key/mrk-${'0'.repeat(32)}`],
  ])('take the %s %j of a vault that was made with it', (name, value) => {
    const said = sentences(given({ [name]: value, vaultMadeWith: { [name]: value } }));

    expect(said).toEqual([]);
  });

  it('take one to ten data plane versions', () => {
    const said = [1, 10, 0, 11].map((count) => sentences(given({}, { dataPlaneVersions: versions(count) })));

    expect(said).toEqual([
      [],
      [],
      [
        '- controlPlanes.prod.dataPlaneVersions: at least one version is needed: the one that `kong version` prints on a data plane',
      ],
      ['- controlPlanes.prod.dataPlaneVersions: at most 10 versions are allowed'],
    ]);
  });
});

describe('a wrong setting', () => {
  const endpointExpected = 'host and port of the cluster_listen are expected, without a scheme, for example';
  const versionExpected = 'a data plane version is a full Kong version, for example "3.9.1"';
  const secretExpected = 'the complete ARN of a secret is expected, for example';
  const controlPlanesExpected = 'an object is expected, with a section for each control plane by its name';
  const objectExpected = 'an object with settings is expected, in braces';
  const missing = 'this setting is missing and has no default: add it';

  const wrong: readonly Wrong[] = [
    ['no object', 'nonsense', 'lifeboat', objectExpected],
    ['null', null, 'lifeboat', objectExpected],
    ['no control planes', {}, 'controlPlanes', missing],
    ['control planes that are a text', { controlPlanes: 'prod' }, 'controlPlanes', controlPlanesExpected],
    ['control planes in a list', { controlPlanes: [prod] }, 'controlPlanes', controlPlanesExpected],
    [
      'a control plane that is a text',
      { controlPlanes: { prod: 'cp:8005' } },
      'controlPlanes.prod',
      objectExpected,
    ],
    [
      'an unknown key',
      given({ scheduleMinute: 5 }),
      'scheduleMinute',
      'there is no such setting here: did you mean scheduleMinutes? Otherwise remove it, or choose one of controlPlanes, dataPlaneAuth, urlLifetimeSeconds, ',
    ],
    [
      'an unknown key in a control plane',
      given({}, { clusterEndpont: 'cp:8005' }),
      'controlPlanes.prod.clusterEndpont',
      'there is no such setting here: did you mean clusterEndpoint? Otherwise remove it, or choose one of clusterEndpoint, clusterMtls, ',
    ],
    [
      'an unknown key in vpc',
      given({}, { vpc: { ...vpc, subnets: [] } }),
      'controlPlanes.prod.vpc.subnets',
      'there is no such setting here: did you mean subnetIds? Otherwise remove it, or choose one of vpcId, availabilityZones, subnetIds, securityGroupIds, endpoints',
    ],
    [
      'a missing endpoint',
      { controlPlanes: { prod: { dataPlaneVersions: ['3.9.1'] } } },
      'controlPlanes.prod.clusterEndpoint',
      missing,
    ],
    [
      'missing versions',
      { controlPlanes: { prod: { clusterEndpoint: 'cp:8005' } } },
      'controlPlanes.prod.dataPlaneVersions',
      missing,
    ],
    ...[
      'kong-cp.example.com',
      'https://kong-cp.example.com:8005',
      'kong-cp:0',
      'kong-cp:65536',
      'kong-cp:8005/',
      '-:8005',
      '2001:db8::1:8005',
      '[2001:db8::1]',
      '[2001:db8::1::2]:8005',
      8005,
    ].map(
      (clusterEndpoint): Wrong => [
        `the endpoint ${clusterEndpoint}`,
        given({}, { clusterEndpoint }),
        'controlPlanes.prod.clusterEndpoint',
        endpointExpected,
      ],
    ),
    ...[
      'proxy.example.com:3128',
      'http://proxy.example.com',
      'socks5://proxy.example.com:1080',
      'http://proxy.example.com:3128/path',
      'http://proxy.example.com:3128?a=1',
      'http://proxy.example.com:0',
      'http://[fd00:::7]:3128',
      3128,
    ].map(
      (proxyServer): Wrong => [
        `the proxy ${proxyServer}`,
        given({}, { proxyServer }),
        'controlPlanes.prod.proxyServer',
        'the http:// or https:// URL of a forward proxy is expected',
      ],
    ),
    [
      'a secret for no proxy',
      given({}, { proxySecretArn: secretArn }),
      'controlPlanes.prod',
      'proxySecretArn is for a proxy: name proxyServer, or remove it',
    ],
    ...['Prod', 'prod eu', 'prod_eu', '', 'x'.repeat(41)].map(
      (name): Wrong => [
        `a control plane called "${name}"`,
        { controlPlanes: { [name]: prod } },
        `controlPlanes.${name}`,
        'a control plane name has 1 to 40 characters out of a-z, 0-9 and "-", for example "prod"',
      ],
    ),
    [
      'a control plane called as the folder of the statuses',
      { controlPlanes: { status: prod } },
      'controlPlanes.status',
      'the vault uses this name itself: choose another name for the control plane',
    ],
    ...['3.9', '3', 'v3.9.1', '3.9.x', '3.9.1-rc1', '3.09.1'].map(
      (version): Wrong => [
        `the version ${version}`,
        given({}, { dataPlaneVersions: [version] }),
        'controlPlanes.prod.dataPlaneVersions.0',
        versionExpected,
      ],
    ),
    [
      'a version that is a number',
      given({}, { dataPlaneVersions: ['3.9.1', 3.9] }),
      'controlPlanes.prod.dataPlaneVersions.1',
      'a full Kong version is expected, in quotes, for example "3.9.1"',
    ],
    [
      'one version instead of a list',
      given({}, { dataPlaneVersions: '3.9.1' }),
      'controlPlanes.prod.dataPlaneVersions',
      'a list of full Kong versions is expected, in brackets',
    ],
    [
      'a version twice',
      given({}, { dataPlaneVersions: ['3.9.1', '3.8.1', '3.9.1'] }),
      'controlPlanes.prod.dataPlaneVersions',
      'a version is listed twice',
    ],
    [
      'a plugin twice',
      given({}, { customPlugins: ['my-plugin', 'cors', 'my-plugin'] }),
      'controlPlanes.prod.customPlugins',
      'a plugin is listed twice: name it once, without a version',
    ],
    ...['my-plugin 1.2.0', 'my-plugin@1.2.0', 'my-plugin:1.2.0', 'my-plugin=1.2'].map(
      (name): Wrong => [
        `a plugin with its version, ${name}`,
        given({}, { customPlugins: [name] }),
        'controlPlanes.prod.customPlugins.0',
        'the name of a plugin is expected, without a version',
      ],
    ),
    [
      'a filter twice',
      given({}, { wasmFilters: ['one', 'one'] }),
      'controlPlanes.prod.wasmFilters',
      'a filter is listed twice',
    ],
    ...['one.wasm', 'one,two', '/usr/local/kong/one', '', 'x'.repeat(65)].map(
      (name): Wrong => [
        `the filter ${JSON.stringify(name)}`,
        given({}, { wasmFilters: [name] }),
        'controlPlanes.prod.wasmFilters.0',
        'the name of a filter is expected, which is its file without ".wasm"',
      ],
    ),
    ...(
      [
        ['maxFrameMiB', 0, 'at least 1 MiB are expected'],
        ['maxFrameMiB', 257, 'at most 256 MiB are allowed'],
        ['maxFrameMiB', 64.5, 'a whole number of MiB is expected'],
        ['memoryMiB', 511, 'at least 512 MiB are expected'],
        ['memoryMiB', 10_241, 'at most 10240 MiB are allowed'],
      ] as const
    ).map(
      ([name, value, sentence]): Wrong => [
        `${name} ${value}`,
        // Beside a small frame and much memory, so that this alone is wrong.
        given({}, { maxFrameMiB: 1, memoryMiB: 2000, [name]: value }),
        `controlPlanes.prod.${name}`,
        sentence,
      ],
    ),
    [
      'less memory than the frames need',
      given({}, { maxFrameMiB: 154 }),
      'controlPlanes.prod.memoryMiB',
      'this is too little for frames of 154 MiB: set it to 1026 at least, or lower maxFrameMiB',
    ],
    [
      'a clusterMtls that is as good as another',
      given({}, { clusterMtls: 'pki_check_cn' }),
      'controlPlanes.prod.clusterMtls',
      '"pki" will do for pki_check_cn',
    ],
    [
      'a wrong clusterMtls',
      given({}, { clusterMtls: 'mutual' }),
      'controlPlanes.prod.clusterMtls',
      'either "shared" or "pki" is expected',
    ],
    [
      'an empty server name',
      given({}, { clusterServerName: '' }),
      'controlPlanes.prod.clusterServerName',
      'a host name is expected, for example "kong-cp.example.com"',
    ],
    ...[
      'my-secret',
      'arn:aws:sqs:eu-central-1:111122223333:queue',
      // Without the six characters at the end, a policy that names it allows nothing.
      'arn:aws:secretsmanager:eu-central-1:111122223333:secret:kong',
      7,
    ].flatMap((wrong) =>
      ['clusterCertificateSecretArn', 'eventHookSecretArn', 'proxySecretArn'].map(
        (name): Wrong => [
          `the ${name} ${wrong}`,
          given({}, { proxyServer: 'http://proxy:3128', [name]: wrong }),
          `controlPlanes.prod.${name}`,
          secretExpected,
        ],
      ),
    ),
    [
      'one plugin instead of a list',
      given({}, { customPlugins: 'my-plugin' }),
      'controlPlanes.prod.customPlugins',
      'a list of plugin names is expected, in brackets',
    ],
    [
      'a plugin name with a comma',
      given({}, { customPlugins: ['a,b'] }),
      'controlPlanes.prod.customPlugins.0',
      'the name of a plugin is expected, without a version, for example "my-plugin"',
    ],
    ...(
      [
        [[], '', 'at least one signing key is needed: the first of them signs'],
        [
          ['a', 'b', 'c', 'd'],
          '',
          'at most 3 signing keys are allowed: take out those that no data plane trusts any more',
        ],
        [['a', 'a'], '', 'a signing key is listed twice'],
        [
          ['First'],
          '.0',
          'the name of a signing key is expected: 1 to 20 characters out of a-z and 0-9, for example "second"',
        ],
      ] as const
    ).map(
      ([signingKeys, at, sentence]): Wrong => [
        `the signing keys ${signingKeys.join()}`,
        given({ signingKeys }),
        `signingKeys${at}`,
        sentence,
      ],
    ),
    [
      'endpoints with too few route tables',
      given(
        {},
        { vpc: { ...vpc, endpoints: { routeTableIds: ['rtb-0000000a', 'rtb-0000000b', 'rtb-0000000c'] } } },
      ),
      'controlPlanes.prod.vpc',
      'as many endpoints.routeTableIds as subnets are expected: that of each, in the same order',
    ],
    [
      'endpoints with what is no route table',
      given({}, { vpc: { ...vpc, endpoints: { routeTableIds: ['subnet-0000000a', 'rtb-0000000b'] } } }),
      'controlPlanes.prod.vpc.endpoints.routeTableIds.0',
      'a route table id is expected, for example "rtb-0123456789abcdef0"',
    ],
    [
      'endpoints twice in a network',
      {
        controlPlanes: Object.fromEntries(
          ['prod', 'staging'].map((name) => [
            name,
            {
              ...prod,
              vpc: { ...vpc, endpoints: { routeTableIds: vpc.subnetIds.map(() => 'rtb-0000000a') } },
            },
          ]),
        ),
      },
      'controlPlanes',
      'two control planes ask for vpc.endpoints in the same network, which can have them only once: keep the setting at one of them, the endpoints serve both',
    ],
    [
      'a vpc that is an id',
      given({}, { vpc: 'vpc-0123456789abcdef0' }),
      'controlPlanes.prod.vpc',
      objectExpected,
    ],
    [
      'a wrong VPC id',
      given({}, { vpc: { ...vpc, vpcId: 'main' } }),
      'controlPlanes.prod.vpc.vpcId',
      'a VPC id is expected, for example "vpc-0123456789abcdef0"',
    ],
    [
      'a wrong subnet id',
      given({}, { vpc: { ...vpc, subnetIds: ['subnet-0000000a', 'private'] } }),
      'controlPlanes.prod.vpc.subnetIds.1',
      'a subnet id is expected, for example "subnet-0123456789abcdef0"',
    ],
    [
      'a wrong security group id',
      given({}, { vpc: { ...vpc, securityGroupIds: ['default'] } }),
      'controlPlanes.prod.vpc.securityGroupIds.0',
      'a security group id is expected, for example "sg-0123456789abcdef0"',
    ],
    [
      'no security group',
      given({}, { vpc: { ...vpc, securityGroupIds: [] } }),
      'controlPlanes.prod.vpc.securityGroupIds',
      'at least one security group is needed',
    ],
    [
      'fewer subnets than availability zones',
      given({}, { vpc: { ...vpc, subnetIds: ['subnet-0000000a'] } }),
      'controlPlanes.prod.vpc',
      'as many subnets as availability zones are expected: one in each',
    ],
    ...[
      'on-call',
      'arn:aws:sqs:eu-central-1:111122223333:on-call',
      // CloudWatch does not notify FIFO topics.
      'arn:aws:sns:eu-central-1:111122223333:on-call.fifo',
      7,
    ].map(
      (alarmTopicArn): Wrong => [
        `the topic ${alarmTopicArn}`,
        given({ alarmTopicArn }),
        'alarmTopicArn',
        'the ARN of a standard SNS topic is expected, for example "arn:aws:sns:eu-central-1:111122223333:on-call"',
      ],
    ),
    ...[
      'http://wiki.example.com/runbook',
      'https://wiki.example.com',
      'https://w.example.com/a#b',
      'runbook.md',
    ].map(
      (runbookUrl): Wrong => [
        `the runbook’s URL ${runbookUrl}`,
        given({ runbookUrl }),
        'runbookUrl',
        'the https:// URL of a page is expected, without a #, for example "https://wiki.example.com/lifeboat/runbook"',
      ],
    ),
    ...[
      'https://lifeboat.example.com',
      'lifeboat',
      'Lifeboat.example.com',
      '*.example.com',
      'lifeboat.example.com.',
      `${'a'.repeat(64)}.example.com`,
      `${'a.'.repeat(126)}aa`,
      7,
    ].map(
      (name): Wrong => [
        `the domain ${name}`,
        given({ domain: { name, certificateArn } }),
        'domain.name',
        'a whole host name in small letters is expected, without a scheme, for example "lifeboat.example.com"',
      ],
    ),
    ...['cert', certificateArn.replace('acm', 'iam'), 7].map(
      (wrongArn): Wrong => [
        `the certificate ${wrongArn}`,
        given({ domain: { name: 'lifeboat.example.com', certificateArn: wrongArn } }),
        'domain.certificateArn',
        'the ARN of a certificate in ACM is expected, for example',
      ],
    ),
    ...['example.com', 'z0123', `Z${'0'.repeat(32)}`].map(
      (hostedZoneId): Wrong => [
        `the zone ${hostedZoneId}`,
        given({ domain: { name: 'lifeboat.example.com', certificateArn, hostedZoneId } }),
        'domain.hostedZoneId',
        'the id of a hosted zone is expected, for example "Z0123456789ABCDEFGHIJ"',
      ],
    ),
    [
      'a domain without a certificate',
      given({ domain: { name: 'a.example' } }),
      'domain.certificateArn',
      missing,
    ],
    ['an ipv6 in quotes', given({ ipv6: 'true' }), 'ipv6', 'true or false is expected'],
    [
      'a dataEvents in quotes',
      given({ dataEvents: 'true' }),
      'dataEvents',
      'true, false or "selector" is expected',
    ],
    ...[
      '11112222333',
      '1111222233334',
      111122223333,
      '*',
      'arn:aws:iam::111122223333:root',
      'arn:aws:iam::111122223333:role/*',
      'arn:aws:sts::111122223333:assumed-role/data-plane/session',
    ].map(
      (reader): Wrong => [
        `the reader ${reader}`,
        given({}, { readerRoleTrust: [reader] }),
        'controlPlanes.prod.readerRoleTrust.0',
        'the number of an account, in quotes, or the ARN of a role or user is expected, for example "111122223333" or ' +
          '"arn:aws:iam::111122223333:role/data-plane"',
      ],
    ),
    ...wrongWays.map(
      ([what, dataPlaneAuth, path, sentence]): Wrong => [
        what,
        given({ dataPlaneAuth }),
        path === '' ? 'dataPlaneAuth' : `dataPlaneAuth.${path}`,
        sentence,
      ],
    ),
    [
      'a wrong way of one control plane',
      given({}, { dataPlaneAuth: { iam: false } }),
      'controlPlanes.prod.dataPlaneAuth',
      'no data plane could ask for a grant',
    ],
    [
      'a reader of other accounts where nobody uses IAM',
      given(
        { dataPlaneAuth: { clusterCertificate: { certificates: [exampleCertificate] } } },
        { readerRoleTrust: ['111122223333'] },
      ),
      'lifeboat',
      'control plane "prod" has readerRoleTrust, which needs IAM, but its dataPlaneAuth does not include IAM',
    ],
    [
      'as few presign functions as strangers can keep busy',
      given({
        dataPlaneAuth: { iam: true, clusterCertificate: { certificates: [exampleCertificate] } },
        reservedConcurrency: { presign: 79 },
      }),
      'lifeboat',
      'reservedConcurrency.presign: with cluster certificates at least 80 are expected',
    ],
    [
      'no room for commands beside an export',
      given({ reservedConcurrency: { export: 1 } }),
      'reservedConcurrency.export',
      'at least 2 executions are expected for exports: an operator’s command must not wait until an export is done',
    ],
    [
      'a reader twice',
      given({}, { readerRoleTrust: ['111122223333', '111122223333'] }),
      'controlPlanes.prod.readerRoleTrust',
      'one of them is listed twice',
    ],
    ...['ab', 'a'.repeat(64), 'Vault', 'my.vault', '-vault', 'vault-', 'xn--vault', 'vault-s3alias', 7].map(
      (bucketName): Wrong => [
        `the bucket name ${bucketName}`,
        given({ bucketName }),
        'bucketName',
        'the name of a bucket is expected: 3 to 63 characters out of a-z, 0-9 and "-", for example "example-lifeboat"',
      ],
    ),
    ...[
      'alias/lifeboat',
      'arn:aws:kms:eu-central-1:111122223333:alias/lifeboat',
      '01234567-89ab-cdef-0123-456789abcdef',
    ].map(
      (encryptionKeyArn): Wrong => [
        `the key ${encryptionKeyArn}`,
        given({ encryptionKeyArn }),
        'encryptionKeyArn',
        'the ARN of a KMS key is expected, not of an alias, for example',
      ],
    ),
    ['tags in a list', given({ tags: [{ team: 'a' }] }), 'tags', 'an object is expected, with the value'],
    [
      'a tag of ours',
      given({ tags: { application: 'x' } }),
      'tags.application',
      'Lifeboat sets this tag itself',
    ],
    [
      'a tag of AWS',
      given({ tags: { 'AWS:x': 'x' } }),
      'tags.AWS:x',
      'keys that begin with "aws:" are reserved by AWS',
    ],
    [
      'a tag without a key',
      given({ tags: { '': 'x' } }),
      'tags.',
      'the key of a tag has 1 to 128 characters',
    ],
    [
      'a long key of a tag',
      given({ tags: { ['k'.repeat(129)]: 'x' } }),
      `tags.${'k'.repeat(129)}`,
      'the key of a tag has 1 to 128 characters',
    ],
    ...['v'.repeat(257), 'a*', 7].map(
      (value): Wrong => [
        `the tag ${value}`,
        given({ tags: { team: value } }),
        'tags.team',
        'the value of a tag has up to 256 characters, in quotes: letters, digits, spaces and',
      ],
    ),
    [
      '46 tags',
      given({ tags: Object.fromEntries(Array.from({ length: 46 }, (_, index) => [`tag${index}`, ''])) }),
      'tags',
      'at most 45 tags are allowed',
    ],
    [
      'a boundary that is a role',
      given({ permissionsBoundaryArn: 'arn:aws:iam::111122223333:role/boundary' }),
      'permissionsBoundaryArn',
      'the ARN of a managed policy is expected, for example',
    ],
    ...[0, 1001].map(
      (presign): Wrong => [
        `a reserved concurrency of ${presign}`,
        given({ reservedConcurrency: { presign } }),
        'reservedConcurrency.presign',
        presign === 0 ? 'at least 1 executions are expected' : 'at most 1000 executions are allowed',
      ],
    ),
    [
      'a reserved concurrency for all',
      given({ reservedConcurrency: 10 }),
      'reservedConcurrency',
      objectExpected,
    ],
    [
      'a lockdown that nobody can deploy under',
      given({ lockdown: { breakGlassRoleArn: 'arn:aws:iam::111122223333:role/a' } }),
      'lockdown.deploymentRoleArn',
      missing,
    ],
    [
      'a lockdown to a user',
      given({
        lockdown: {
          breakGlassRoleArn: 'arn:aws:iam::111122223333:user/a',
          deploymentRoleArn: 'arn:aws:iam::111122223333:role/b',
        },
      }),
      'lockdown.breakGlassRoleArn',
      'the ARN of a role is expected, for example "arn:aws:iam::111122223333:role/break-glass"',
    ],
    [
      'a lockdown to one role',
      given({
        lockdown: {
          breakGlassRoleArn: 'arn:aws:iam::111122223333:role/a',
          deploymentRoleArn: 'arn:aws:iam::111122223333:role/a',
        },
      }),
      'lockdown',
      'two different roles are expected',
    ],
    ['an acceptSha1 in quotes', given({ acceptSha1: 'true' }), 'acceptSha1', 'true or false is expected'],
    ...[2, 31, 3654, '30'].map(
      (days): Wrong => [
        `a log retention of ${days} days`,
        given({ logRetentionDays: days }),
        'logRetentionDays',
        'CloudWatch keeps logs for certain numbers of days only: 7, 14, 30, 60, 90, 180, 365, 731, ...',
      ],
    ),
  ];

  it.each(wrong)('is refused where it stands: %s', (_what, settings, path, sentence) => {
    const said = sentences(settings);

    expect(said).toEqual([expect.stringContaining(`- ${path}: ${sentence}`)]);
  });

  it('is named together with all others', () => {
    const said = sentences(given({ scheduleMinutes: 0 }, { clusterEndpoint: 'cp', clusterMtls: 'none' }));

    expect(said.map((sentence) => sentence.split(':')[0])).toEqual([
      '- controlPlanes.prod.clusterEndpoint',
      '- controlPlanes.prod.clusterMtls',
      '- scheduleMinutes',
    ]);
  });

  it('says where settings belong when there are none', () => {
    const parse = () => parseSettings(undefined);

    expect(parse).toThrow('there are no settings: add them to cdk.json, context "lifeboat"');
  });
});

describe('the settings of an app', () => {
  const second = { region: 'eu-west-1' };

  it('are those of a deployment, where it is, and its replica', () => {
    expect(
      parseAppSettings(given({ region: 'eu-central-1', replica: { ...second, timeControl: true } })),
    ).toEqual({
      region: 'eu-central-1',
      isGrouped: false,
      stacks: [
        {
          stackName: 'Lifeboat',
          settings: parseSettings(given({})),
          replica: { region: 'eu-west-1', timeControl: true },
        },
      ],
    });
  });

  it('need neither a region nor a replica', () => {
    expect(parseAppSettings(given({}))).toEqual({
      isGrouped: false,
      stacks: [{ stackName: 'Lifeboat', settings: parseSettings(given({})) }],
    });
  });

  it.each(['us-gov-west-1', 'eusc-de-east-1', 'ap-southeast-7', 'cn-north-1', 'il-central-1'])(
    'take the region %s',
    (region) => {
      expect(parseAppSettings(given({ region })).region).toBe(region);
    },
  );

  const regionExpected = 'the name of an AWS region is expected, for example "eu-west-1"';

  it.each<Wrong>([
    ['a region that is none', given({ region: 'Frankfurt' }), 'region', regionExpected],
    ['an availability zone', given({ region: 'eu-central-1a' }), 'region', regionExpected],
    [
      'a replica that is a text',
      given({ region: 'eu-central-1', replica: 'eu-west-1' }),
      'replica',
      'an object with settings is expected, in braces',
    ],
    [
      'a replica without a region',
      given({ region: 'eu-central-1', replica: {} }),
      'replica.region',
      'this setting is missing and has no default: add it',
    ],
    [
      'a replica of a vault whose region is not said',
      given({ replica: second }),
      'replica',
      'a replica needs the region of the vault: add the setting "region"',
    ],
    [
      'a replica in the vault’s region',
      given({ region: 'eu-west-1', replica: second }),
      'replica.region',
      'a region other than the vault’s is expected: in the same region one outage would affect both',
    ],
    [
      'a setting that a replica has from its vault',
      given({ region: 'eu-central-1', replica: { ...second, noncurrentVersionDays: 1 } }),
      'replica.noncurrentVersionDays',
      'there is no such setting here: remove it, or choose one of region, domain, alarmTopicArn, bucketName, timeControl',
    ],
    [
      'a timeControl in quotes',
      given({ region: 'eu-central-1', replica: { ...second, timeControl: 'yes' } }),
      'replica.timeControl',
      'true or false is expected',
    ],
  ])('are refused with a sentence: %s', (_what, settings, path, sentence) => {
    expect(() => parseAppSettings(settings)).toThrow(`\n- ${path}: ${sentence}`);
  });

  it('are no settings of a construct, which is in one stack', () => {
    expect(sentences(given({ replica: second }))).toEqual([
      expect.stringMatching('^- replica: there is no such setting here'),
    ]);
  });
});
