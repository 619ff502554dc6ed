import * as v from 'valibot';
import { controlPlaneName } from '../../core/names.ts';
import { assertionBurst } from '../api/api-throttles.ts';
import { authorityCertificate, dataPlaneCertificate } from './cluster-certificates.ts';
import {
  awsRegion,
  between,
  bucketName,
  certificateArn,
  commonName,
  dataPlaneVersion,
  endpoint,
  keyArn,
  list,
  managedPolicyArn,
  pageUrl,
  pluginName,
  roleArn,
  secretArn,
  section,
  tags,
  text,
  topicArn,
  trusted,
} from './setting-values.ts';

const domain = section({
  /** Host name of the API. */
  name: text(
    /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/,
    'a whole host name in small letters is expected, without a scheme, for example "lifeboat.example.com"',
  ),
  /** Of the API's own region, for this name. */
  certificateArn,
  /** Zone of Route 53 that gets the record. Default: DNS is the deployer's, who is told what the name has to lead to. */
  hostedZoneId: v.optional(
    text(/^Z[A-Z0-9]{1,31}$/, 'the id of a hosted zone is expected, for example "Z0123456789ABCDEFGHIJ"'),
  ),
  /**
   * Closes the name that API Gateway gives. Not by default: hooks and data planes that know it go on when the domain is new, and in an outage it
   * needs neither a certificate nor DNS of yours. It asks for the same signatures.
   */
  disableDefaultEndpoint: v.optional(v.boolean('true or false is expected'), false),
});

const vpc = v.pipe(
  section({
    vpcId: text(
      /^vpc-([0-9a-f]{8}|[0-9a-f]{17})$/,
      'a VPC id is expected, for example "vpc-0123456789abcdef0"',
    ),
    availabilityZones: v.pipe(
      list(
        text(/^[a-z0-9-]+$/, 'an availability zone is expected, for example "eu-central-1a"'),
        'availability zones',
      ),
      v.minLength(1, 'at least one availability zone is needed'),
    ),
    /** Private subnets with a way to the control plane and to AWS (NAT or endpoints), one per availability zone. */
    subnetIds: v.pipe(
      list(
        text(
          /^subnet-([0-9a-f]{8}|[0-9a-f]{17})$/,
          'a subnet id is expected, for example "subnet-0123456789abcdef0"',
        ),
        'subnet ids',
      ),
      v.minLength(1, 'at least one subnet is needed'),
    ),
    securityGroupIds: v.pipe(
      list(
        text(
          /^sg-([0-9a-f]{8}|[0-9a-f]{17})$/,
          'a security group id is expected, for example "sg-0123456789abcdef0"',
        ),
        'security group ids',
      ),
      v.minLength(1, 'at least one security group is needed'),
    ),
    /** Makes the endpoints that an export needs in a network without a way to the internet. Default: they are there, or a NAT is. */
    endpoints: v.optional(
      section({
        /** Of each subnet, in the same order: it gets the way to S3. */
        routeTableIds: list(
          text(
            /^rtb-([0-9a-f]{8}|[0-9a-f]{17})$/,
            'a route table id is expected, for example "rtb-0123456789abcdef0"',
          ),
          'route table ids',
        ),
      }),
    ),
  }),
  v.check(
    ({ availabilityZones, subnetIds }) => availabilityZones.length === subnetIds.length,
    'as many subnets as availability zones are expected: one in each',
  ),
  v.check(
    ({ subnetIds, endpoints }) =>
      endpoints === undefined || endpoints.routeTableIds.length === subnetIds.length,
    'as many endpoints.routeTableIds as subnets are expected: that of each, in the same order',
  ),
);

const certificates = <const Item extends v.GenericSchema<string>>(item: Item) =>
  v.pipe(
    list(item, 'certificates'),
    v.minLength(1, 'name at least one certificate, or take the setting out'),
    // Five authorities fit into the function's environment with luck, and two are what a replacement takes.
    v.maxLength(10, 'at most 10 certificates are allowed'),
  );

const dataPlaneAuth = v.pipe(
  section({
    /** By AWS credentials; who may ask is said per control plane. */
    iam: v.optional(v.boolean('true or false is expected'), false),
    /** By the certificate of hybrid mode and its key. */
    clusterCertificate: v.optional(
      v.pipe(
        section({
          /** The data planes' certificates themselves: `cluster_mtls = shared`. */
          certificates: v.optional(certificates(dataPlaneCertificate)),
          /** Those of the authorities that issue them: `cluster_mtls = pki`. */
          authorities: v.optional(certificates(authorityCertificate)),
          /** Common names that certificates of the authorities must have one of. Default: any. */
          commonNames: v.optional(
            v.pipe(
              list(commonName, 'common names'),
              v.minLength(1, 'name at least one, or take the setting out for any'),
            ),
          ),
        }),
        v.check(
          (given) => given.certificates !== undefined || given.authorities !== undefined,
          'name certificates (cluster_mtls = shared) or authorities (pki): without them nobody could ask',
        ),
        v.check(
          (given) => given.commonNames === undefined || given.authorities !== undefined,
          'commonNames are for certificates that authorities issue: name authorities, or take them out',
        ),
      ),
    ),
  }),
  v.check(
    ({ iam, clusterCertificate }) => iam || clusterCertificate !== undefined,
    'nobody could ask for a grant: set iam to true, or name clusterCertificate',
  ),
);

const controlPlane = section({
  /** `host:port` of the control plane's `cluster_listen`, as data planes reach it. */
  clusterEndpoint: endpoint,
  /** `cluster_mtls` of the control plane. */
  clusterMtls: v.optional(v.picklist(['shared', 'pki'], 'either "shared" or "pki" is expected'), 'shared'),
  /** Name in the control plane's certificate. Default: `kong_clustering` in shared mode, the host in PKI mode. */
  clusterServerName: v.optional(
    text(/^[A-Za-z0-9_.-]+$/, 'a host name is expected, for example "kong-cp.example.com"'),
  ),
  /** Full versions of the data planes that the fleet runs: a file is published for each. */
  dataPlaneVersions: v.pipe(
    list(dataPlaneVersion, 'full Kong versions'),
    v.minLength(1, 'at least one version is needed: the one that `kong version` prints on a data plane'),
    // Each costs a connection to the control plane per export.
    v.maxLength(10, 'at most 10 versions are allowed'),
    v.check((versions) => new Set(versions).size === versions.length, 'a version stands there twice'),
  ),
  /** Plugins that are configured and not Kong's own. */
  customPlugins: v.optional(list(pluginName, 'plugin names'), []),
  /** A secret of yours with the cluster certificate. Default: one is made, and waits to be filled. */
  clusterCertificateSecretArn: v.optional(secretArn),
  /** A secret of yours that signs the event hooks. Default: one is generated. */
  eventHookSecretArn: v.optional(secretArn),
  /** Who may assume a role that may ask for grants of this control plane: accounts, roles, users. Default: no such role. */
  readerRoleTrust: v.optional(
    v.pipe(
      list(trusted, 'account numbers and ARNs'),
      v.minLength(1, 'name at least one account, role or user, or take the setting out'),
      // IAM takes 2,048 characters in a trust policy.
      v.maxLength(10, 'at most 10 are allowed: name accounts, which let their own administrators say who'),
      v.check((all) => new Set(all).size === all.length, 'one of them stands there twice'),
    ),
  ),
  /** Roles, of other accounts too, that may read the files in the bucket themselves. Default: nobody may. */
  fileReaderRoleArns: v.optional(
    v.pipe(
      list(
        v.pipe(
          roleArn,
          v.maxLength(120, 'at most 120 characters are allowed: take a role with a shorter path'),
        ),
        'ARNs of roles',
      ),
      v.check((all) => new Set(all).size === all.length, 'a role stands there twice'),
    ),
    [],
  ),
  /** How its data planes prove who they are. Default: as in the whole deployment. */
  dataPlaneAuth: v.optional(dataPlaneAuth),
  /** Where the export runs when the control plane is private. Default: outside any VPC. */
  vpc: v.optional(vpc),
});

// As many as strangers can keep busy, and as many again for IAM's.
const leastPresigners = 2 * assertionBurst;

const byName = 'an object is expected, with a section for each control plane by its name';

/** What the signing key of a deployment is called that has never changed it. */
export const firstSigningKey = 'first';

const signingKeys = v.pipe(
  list(
    text(
      /^[a-z0-9]{1,20}$/,
      'the name of a signing key is expected: 1 to 20 characters out of a-z and 0-9, for example "second"',
    ),
    'names of signing keys',
  ),
  v.minLength(1, 'at least one signing key is needed: the first of them signs'),
  v.maxLength(3, 'at most 3 signing keys are allowed: take out those that no data plane trusts any more'),
  v.check((names) => new Set(names).size === names.length, 'a signing key stands there twice'),
);

const asWritten = section({
  /** By name. */
  controlPlanes: v.pipe(
    // A list is an object to v.record, and would name its control planes 0, 1, 2.
    v.custom<Record<string, unknown>>((given) => !Array.isArray(given), byName),
    // v.record leaves out, without a word, what is a property of every object.
    v.check(
      (given) => !Object.keys(given ?? {}).some((name) => name in {}),
      'a control plane cannot be called "constructor": name it otherwise',
    ),
    v.record(
      v.pipe(
        controlPlaneName,
        // Its files would lie among status/{controlPlane}.json, where only their own export may write.
        v.notValue('status', 'this name is taken by the vault: name the control plane otherwise'),
      ),
      controlPlane,
      byName,
    ),
    v.check((all) => Object.keys(all).length > 0, 'name at least one control plane'),
    // Each has its statements in the bucket policy, of which S3 takes 20 KB.
    v.check((all) => Object.keys(all).length <= 10, 'at most 10 control planes fit into one deployment'),
    v.check(
      (all) => Object.values(all).flatMap(({ fileReaderRoleArns }) => fileReaderRoleArns).length <= 3,
      'at most 3 fileReaderRoleArns fit into one deployment: data planes ask for grants, and need not stand there',
    ),
    v.check((all) => {
      const asking = Object.values(all).flatMap(({ vpc }) =>
        vpc?.endpoints === undefined ? [] : [vpc.vpcId],
      );
      return new Set(asking).size === asking.length;
    }, 'two control planes ask for vpc.endpoints in the same network, which takes them once: leave them with one, they are open to both'),
  ),
  /** How data planes prove who they are. */
  dataPlaneAuth: v.optional(dataPlaneAuth, { iam: true }),
  /** How long a grant's URL is good: for one download to begin. */
  urlLifetimeSeconds: v.optional(between(60, 900, 'seconds'), 120),
  /** Changes within one window become one export. */
  coalescingWindowSeconds: v.optional(between(1, 60, 'seconds'), 1),
  /** How often an export runs without any hook. */
  scheduleMinutes: v.optional(between(1, 60, 'minutes'), 5),
  /** How long after a change its configuration is awaited: Kong rebuilds every 5 s, and a little more. */
  settleSeconds: v.optional(between(1, 60, 'seconds'), 6),
  /** By how much the control plane's clock may be off. */
  clockToleranceSeconds: v.optional(between(0, 60, 'seconds'), 1),
  /** Exports start no sooner than this after one another; no function waits longer than 30 s (core/export/pace.ts). */
  minimumIntervalSeconds: v.optional(between(0, 30, 'seconds'), 5),
  /** Kong signs with sha1 up to 3.13. `false` once all control planes are newer. */
  acceptSha1: v.optional(v.boolean('true or false is expected'), true),
  /** Noncurrent versions go after this many days ... */
  noncurrentVersionDays: v.optional(between(1, 3650, 'days'), 30),
  /** ... beyond the newest of them. The current version never expires. */
  noncurrentVersionsKept: v.optional(between(1, 100, 'versions'), 30),
  /** Each published version is locked for so many days (Object Lock, governance). 0: not at all. Decided with the bucket. */
  objectLockDays: v.optional(between(0, 3650, 'days'), 0),
  logRetentionDays: v.optional(
    v.picklist(
      [
        1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288,
        3653,
      ],
      'CloudWatch keeps logs for certain numbers of days only: 7, 14, 30, 60, 90, 180, 365, 731, ...',
    ),
    30,
  ),
  /** Where alarms go. Default: they change their state and notify nobody. */
  alarmTopicArn: v.optional(topicArn),
  /** Where your people read docs/runbook.md; each alarm links to its section. */
  runbookUrl: v.optional(pageUrl, 'https://lifeboat.example.com/docs/runbook.md'),
  /** Name of the vault. Default: CloudFormation makes one. */
  bucketName: v.optional(bucketName),
  /** A key of yours that encrypts the configurations. Default: one is made. */
  encryptionKeyArn: v.optional(keyArn),
  /** The first one signs; the others are pinned beforehand, or still. Each is made once, by its name, and stays when it is taken out. */
  signingKeys: v.optional(signingKeys, [firstSigningKey]),
  /** On everything that can have tags, beside `application`. */
  tags: v.optional(tags, {}),
  /** Managed policy that bounds every role. Default: none. */
  permissionsBoundaryArn: v.optional(managedPolicyArn),
  /** How many executions of a function are kept free for it, and are its most. Default: what is free in the account. */
  reservedConcurrency: v.optional(
    section({
      webhook: v.optional(between(1, 1000, 'executions')),
      /** Of each control plane. */
      presign: v.optional(between(1, 1000, 'executions')),
      /** Of each control plane; exports of one run one after another. */
      export: v.optional(between(1, 1000, 'executions')),
    }),
    {},
  ),
  /** Only these two change the vault's policies, lifecycle and versioning and the keys' policies, or disable them. Default: whom IAM lets. */
  lockdown: v.optional(
    v.pipe(
      section({
        /** For people, when nothing else helps. */
        breakGlassRoleArn: roleArn,
        /** Whom CloudFormation deploys with, or nobody could update the stack. */
        deploymentRoleArn: roleArn,
      }),
      v.check(
        ({ breakGlassRoleArn, deploymentRoleArn }) => breakGlassRoleArn !== deploymentRoleArn,
        'two different roles are expected: what deploys every day is not what breaks the glass',
      ),
    ),
  ),
  /** A name of yours for the API. Default: the one that API Gateway gives. */
  domain: v.optional(domain),
  /** CloudTrail notes each reading and writing in the vault, in a bucket of its own. */
  dataEvents: v.optional(v.boolean('true or false is expected'), false),
});

/** Each control plane with the deployment's own way for data planes to prove who they are, where it has none. */
const settings = v.pipe(
  asWritten,
  v.transform(({ controlPlanes, ...deployment }) => ({
    ...deployment,
    controlPlanes: Object.fromEntries(
      Object.entries(controlPlanes).map(([name, unit]) => [
        name,
        { ...unit, dataPlaneAuth: unit.dataPlaneAuth ?? deployment.dataPlaneAuth },
      ]),
    ),
  })),
  v.check(
    ({ controlPlanes }) => readersWithoutIam(controlPlanes).length === 0,
    ({ input: { controlPlanes } }) =>
      `control plane "${readersWithoutIam(controlPlanes)[0]}" has readerRoleTrust, a role that asks with IAM, and IAM is not in its dataPlaneAuth: add "iam": true, or take readerRoleTrust out`,
  ),
  v.check(
    ({ controlPlanes, reservedConcurrency: { presign = leastPresigners } }) =>
      presign >= leastPresigners ||
      Object.values(controlPlanes).every((unit) => unit.dataPlaneAuth.clusterCertificate === undefined),
    `reservedConcurrency.presign: with cluster certificates at least ${leastPresigners} are expected, for strangers can keep ${assertionBurst} of them busy`,
  ),
);

function readersWithoutIam(
  controlPlanes: Readonly<
    Record<string, { readonly dataPlaneAuth: { readonly iam: boolean }; readonly readerRoleTrust?: unknown }>
  >,
): readonly string[] {
  return Object.entries(controlPlanes)
    .filter(
      ([
        ,
        {
          dataPlaneAuth: { iam },
          readerRoleTrust,
        },
      ]) => readerRoleTrust !== undefined && !iam,
    )
    .map(([name]) => name);
}

const replicaEntries = {
  /** A name of yours for the API of that region. Default: the one that API Gateway gives. */
  domain: v.optional(domain),
  /** Of that region. Default: alarms there notify nobody. */
  alarmTopicArn: v.optional(topicArn),
  bucketName: v.optional(bucketName),
  /** S3's Replication Time Control, which costs. */
  timeControl: v.optional(v.boolean('true or false is expected'), false),
};

const replica = section(replicaEntries);

/** What only an app can do: the construct is in one stack, and a replica in another one. */
const appSettings = v.pipe(
  section({
    ...asWritten.entries,
    /** Where the vault is. Default: where it is deployed to. */
    region: v.optional(awsRegion),
    /** A second region with the same files and grants of its own. Default: none. */
    replica: v.optional(section({ region: awsRegion, ...replicaEntries })),
  }),
  v.forward(
    v.check(
      ({ region, replica: second }) => second === undefined || region !== undefined,
      'the vault’s own region must be known with a replica: say it beside, in the setting "region"',
    ),
    ['replica'],
  ),
  v.forward(
    v.check(
      ({ region, replica: second }) => second === undefined || second.region !== region,
      'another region than the vault’s is expected: with its own it would be away, too',
    ),
    ['replica', 'region'],
  ),
);

/** What may be said, before defaults are filled in. */
export type SettingsInput = v.InferInput<typeof settings>;
export type Settings = v.InferOutput<typeof settings>;
export type ReplicaSettings = v.InferOutput<typeof replica>;
export interface AppSettings extends Pick<v.InferOutput<typeof appSettings>, 'region' | 'replica'> {
  readonly deployment: Settings;
}
export type ControlPlaneSettings = Settings['controlPlanes'][string];
export type DataPlaneAuthSettings = Settings['dataPlaneAuth'];
export type LockdownSettings = NonNullable<Settings['lockdown']>;
export type DomainSettings = v.InferOutput<typeof domain>;
export type VpcSettings = v.InferOutput<typeof vpc>;

/** The settings are wrong; the message has a sentence for each mistake. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}

const ofApp = 'in cdk.json, context "lifeboat",';

/**
 * Checks the settings of a deployment.
 *
 * @param where - where they stand, for whoever has to correct them
 * @throws SettingsError
 */
export function parseSettings(given: unknown, where = ofApp): Settings {
  return parse(settings, given, where);
}

/**
 * Checks the settings of an app: those of a deployment, and where it and its replica are.
 *
 * @throws SettingsError
 */
export function parseAppSettings(given: unknown): AppSettings {
  const { region, replica: second, ...deployment } = parse(appSettings, given, ofApp);
  return { region, replica: second, deployment: parseSettings(deployment) };
}

/**
 * Checks what is said of a replica alone.
 *
 * @throws SettingsError
 */
export function parseReplicaSettings(given: unknown, where: string): ReplicaSettings {
  return parse(replica, given, where);
}

function parse<const Schema extends v.GenericSchema>(
  schema: Schema,
  given: unknown,
  where: string,
): v.InferOutput<Schema> {
  if (given === undefined) {
    throw new SettingsError(
      'there are no settings: put them into cdk.json, context "lifeboat" (see README, Deploy)',
    );
  }
  const parsed = v.safeParse(schema, given);
  if (!parsed.success) {
    throw new SettingsError(`the settings ${where} are wrong:\n${parsed.issues.map(sentence).join('\n')}`);
  }
  return parsed.output;
}

function sentence(issue: v.BaseIssue<unknown>): string {
  const path = v.getDotPath(issue) ?? 'lifeboat';
  return `- ${path}: ${issue.message}`;
}
