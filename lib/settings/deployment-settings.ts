/** Settings of a deployment: one vault, one API, and its control planes. */
import * as v from 'valibot';
import { controlPlaneName } from '../../core/names.ts';
import { routeThrottle } from './api-throttles.ts';
import { controlPlaneSchema, dataPlaneAuthSchema } from './control-plane-settings.ts';
import { retentionDays } from './retention-days.ts';
import {
  bucketNameSchema,
  certificateArnSchema,
  keyArnSchema,
  managedPolicyArnSchema,
  namesSchema,
  pageUrlSchema,
  roleArnSchema,
  sectionSchema,
  tagsSchema,
  textSchema,
  topicArnSchema,
  wholeNumberSchema,
} from './setting-values.ts';
import {
  firstSigningKey,
  retiredSigningKeysSchema,
  signingKeyArnsSchema,
  signingKeysSchema,
} from './signing-keys.ts';
import {
  canDecrypt,
  canLock,
  keepsItsName,
  refuseKey,
  refuseLock,
  refuseName,
  vaultMadeWithSchema,
} from './vault-made-with.ts';

export const domainSchema = sectionSchema({
  /** Host name of the API. */
  name: textSchema(
    /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/,
    'a whole host name in small letters is expected, without a scheme, for example "lifeboat.example.com"',
  ),
  /** Of the API's own region, for this name. */
  certificateArn: certificateArnSchema,
  /**
   * Zone of Route 53 that gets the record. Default: the deployer makes the record; an output says its target.
   */
  hostedZoneId: v.optional(
    textSchema(
      /^Z[A-Z0-9]{1,31}$/,
      'the id of a hosted zone is expected, for example "Z0123456789ABCDEFGHIJ"',
    ),
  ),
  /**
   * Closes the name that API Gateway gives. Not by default: hooks and data planes that use it keep working
   * when the domain is added, and in an outage it needs no certificate or DNS of yours. It asks for the same
   * signatures.
   */
  disableDefaultEndpoint: v.optional(v.boolean('true or false is expected'), false),
});

/** Where no runbook is: alarms have to lead somewhere. */
export const placeholderRunbookUrl = 'https://lifeboat.example.com/docs/runbook.md';

// As many as strangers can keep busy, and the same number for grants by IAM.
const leastPresigners = 2 * routeThrottle.burst;

const controlPlanesExpected = 'an object is expected, with a section for each control plane by its name';

export const givenSettingsSchema = sectionSchema({
  /** By name. */
  controlPlanes: v.pipe(
    // v.record accepts a list as an object, with control planes named 0, 1, 2.
    v.custom<Record<string, unknown>>((given) => !Array.isArray(given), controlPlanesExpected),
    // v.record silently leaves out names that every object has as a property.
    v.check(
      (given) => !Object.keys(given ?? {}).some((name) => name in {}),
      'a control plane cannot be called "constructor": choose another name',
    ),
    v.record(
      v.pipe(
        controlPlaneName,
        // Its files would lie beside status/{controlPlane}.json, where each object has another writer.
        v.notValue('status', 'the vault uses this name itself: choose another name for the control plane'),
      ),
      controlPlaneSchema,
      controlPlanesExpected,
    ),
    v.check((all) => Object.keys(all).length > 0, 'name at least one control plane'),
    // How many fit is a matter of the whole stack (lib/deployment/stack-budget.ts).
    v.check((all) => {
      const asking = Object.values(all).flatMap(({ vpc }) =>
        vpc?.endpoints === undefined ? [] : [vpc.vpcId],
      );
      return new Set(asking).size === asking.length;
    }, 'two control planes ask for vpc.endpoints in the same network, which can have them only once: keep the setting at one of them, the endpoints serve both'),
    v.check((all) => {
      const heard = Object.values(all).flatMap(({ listen, clusterEndpoint }) =>
        listen ? [clusterEndpoint.toLowerCase()] : [],
      );
      return new Set(heard).size === heard.length;
    }, 'two control planes with the same clusterEndpoint have listen: one control plane has one listener, so keep the setting at one of them'),
  ),
  /** How data planes prove who they are. */
  dataPlaneAuth: v.optional(dataPlaneAuthSchema, { iam: true }),
  /** How long a grant's URL is good: for one download to begin. */
  urlLifetimeSeconds: v.optional(wholeNumberSchema(60, 900, 'seconds'), 120),
  /** Changes within one window become one export. */
  coalescingWindowSeconds: v.optional(wholeNumberSchema(1, 60, 'seconds'), 1),
  /** How often an export runs without any hook. */
  scheduleMinutes: v.optional(wholeNumberSchema(1, 60, 'minutes'), 5),
  /**
   * How long an export waits for the configuration of a change: the 5 s within which Kong rebuilds it, and
   * the 1.75 s by which a second node of the control plane came later.
   */
  settleSeconds: v.optional(wholeNumberSchema(1, 60, 'seconds'), 7),
  /** By how much the control plane's clock may be off. */
  clockToleranceSeconds: v.optional(wholeNumberSchema(0, 60, 'seconds'), 1),
  /**
   * Exports start no sooner than this after one another; no function waits longer than 30 s
   * (core/export/pace.ts).
   */
  minimumIntervalSeconds: v.optional(wholeNumberSchema(0, 30, 'seconds'), 5),
  /** Kong signs with sha1 up to 3.13. `false` once all control planes are newer. */
  acceptSha1: v.optional(v.boolean('true or false is expected'), true),
  /** Noncurrent versions go after this many days ... */
  noncurrentVersionDays: v.optional(wholeNumberSchema(1, 3650, 'days'), 30),
  /** ... beyond the newest of them. The current version never expires. */
  noncurrentVersionsKept: v.optional(wholeNumberSchema(1, 100, 'versions'), 30),
  /**
   * Each published version is locked for so many days (Object Lock, governance). 0: not at all.
   */
  objectLockDays: v.optional(wholeNumberSchema(0, 3650, 'days'), 0),
  logRetentionDays: v.optional(
    v.picklist(
      retentionDays,
      'CloudWatch keeps logs for certain numbers of days only: 7, 14, 30, 60, 90, 180, 365, 731, ...',
    ),
    30,
  ),
  /** Encrypts all log groups with a key of the stack; otherwise CloudWatch does, with a key of its own. */
  logKey: v.optional(v.boolean('true or false is expected'), true),
  /** Whether there is one, beside the alarms. */
  dashboard: v.optional(v.boolean('true or false is expected'), true),
  /** How often a new data plane is played, hours. 0: never. */
  drillHours: v.optional(wholeNumberSchema(0, 144, 'hours'), 24),
  /** `lmdb_map_size` of the data planes: a file that would not fit is told of. */
  lmdbMapMiB: v.optional(wholeNumberSchema(16, 1_048_576, 'MiB'), 2048),
  /** Where alarms go. Default: they change their state and notify nobody. */
  alarmTopicArn: v.optional(topicArnSchema),
  /** Where your people read docs/runbook.md; each alarm links to its section. */
  runbookUrl: v.optional(pageUrlSchema, placeholderRunbookUrl),
  /** Name of the vault. Default: CloudFormation makes one. */
  bucketName: v.optional(bucketNameSchema),
  /** What the vault that is there was made with: other settings would make an empty one beside it. */
  vaultMadeWith: v.optional(vaultMadeWithSchema, {}),
  /** A key of yours that encrypts the configurations. Default: one is made. */
  encryptionKeyArn: v.optional(keyArnSchema),
  /** Keys that encrypted before: what kept revisions are under can still be read. */
  previousEncryptionKeyArns: v.optional(
    v.pipe(
      namesSchema(keyArnSchema, 'ARNs of KMS keys', 'a key is listed twice'),
      v.maxLength(
        3,
        'at most 3 previous keys are allowed: take out those that no kept revision is under any more',
      ),
    ),
    [],
  ),
  /**
   * The first one signs; the others are pinned before or after their turn. A key is made once, by its name,
   * and stays when its name is removed.
   */
  signingKeys: v.optional(signingKeysSchema, [firstSigningKey]),
  /** Signing keys that are there already, whose policies are not ours to change. Default: all are made. */
  signingKeyArns: v.optional(signingKeyArnsSchema, {}),
  /** Public keys that kept revisions are signed with, and that are not among `signingKeys` any more. */
  retiredSigningKeys: v.optional(retiredSigningKeysSchema, []),
  /** On everything that can have tags, beside `application`. */
  tags: v.optional(tagsSchema, {}),
  /** Managed policy that bounds every role. Default: none. */
  permissionsBoundaryArn: v.optional(managedPolicyArnSchema),
  /**
   * Executions that are reserved for a function, which are also its maximum. Default: what is free in the
   * account.
   */
  reservedConcurrency: v.optional(
    sectionSchema({
      webhook: v.optional(wholeNumberSchema(1, 1000, 'executions')),
      /** Of each control plane. */
      presign: v.optional(wholeNumberSchema(1, 1000, 'executions')),
      /** Of each control plane: exports of one run one after another, and commands beside them. */
      export: v.optional(
        v.pipe(
          wholeNumberSchema(1, 1000, 'executions'),
          v.minValue(
            2,
            'at least 2 executions are expected for exports: an operator’s command must not wait until an export is done',
          ),
        ),
      ),
      /** Of each control plane. */
      inspect: v.optional(wholeNumberSchema(1, 1000, 'executions')),
      /** Of each control plane that is listened to; one listener runs at a time. */
      listen: v.optional(wholeNumberSchema(1, 1000, 'executions')),
    }),
    {},
  ),
  /**
   * The only two roles that change the vault's policies, lifecycle and versioning and the keys' policies, or
   * disable keys. Default: whoever IAM allows.
   */
  lockdown: v.optional(
    v.pipe(
      sectionSchema({
        /** For people, when nothing else helps. */
        breakGlassRoleArn: roleArnSchema,
        /** The role that CloudFormation deploys with; without it nobody could update the stack. */
        deploymentRoleArn: roleArnSchema,
      }),
      v.check(
        ({ breakGlassRoleArn, deploymentRoleArn }) => breakGlassRoleArn !== deploymentRoleArn,
        'two different roles are expected: the role that deploys every day must not be the one for emergencies',
      ),
    ),
  ),
  /** A name of yours for the API. Default: the one that API Gateway gives. */
  domain: v.optional(domainSchema),
  /** API, domain and grants' URLs have IPv6 addresses beside those of IPv4. */
  ipv6: v.optional(v.boolean('true or false is expected'), false),
  /**
   * CloudTrail notes each reading and writing in the vault, in a bucket of its own; or there is an output for
   * a trail of yours.
   */
  dataEvents: v.optional(
    v.union([v.boolean(), v.literal('selector')], 'true, false or "selector" is expected'),
    false,
  ),
});

/** A control plane without `dataPlaneAuth` takes that of the deployment. */
export function fillInAuth({ controlPlanes, ...deployment }: v.InferOutput<typeof settingsSchema>) {
  return {
    ...deployment,
    controlPlanes: Object.fromEntries(
      Object.entries(controlPlanes).map(([name, unit]) => [
        name,
        { ...unit, dataPlaneAuth: unit.dataPlaneAuth ?? deployment.dataPlaneAuth },
      ]),
    ),
  };
}

// Nothing is transformed: with a wrong value the rest is still checked, and the app may go on.
export const settingsSchema = v.pipe(
  givenSettingsSchema,
  v.forward(
    v.check(
      ({ controlPlanes }) =>
        Object.values(controlPlanes).flatMap(({ fileReaderRoleArns }) => fileReaderRoleArns).length <= 3,
      'at most 3 fileReaderRoleArns fit into one deployment: data planes ask for grants, and need not be listed',
    ),
    ['controlPlanes'],
  ),
  v.forward(
    v.check(
      ({ encryptionKeyArn, previousEncryptionKeyArns }) =>
        encryptionKeyArn === undefined || !previousEncryptionKeyArns.includes(encryptionKeyArn),
      'the key that encrypts now (encryptionKeyArn) is among them: name only those that encrypted before it',
    ),
    ['previousEncryptionKeyArns'],
  ),
  v.forward(
    v.check(
      (all) => keepsItsName(all),
      ({ input }) => refuseName(input),
    ),
    ['bucketName'],
  ),
  v.forward(
    v.check((all) => canLock(all), refuseLock),
    ['objectLockDays'],
  ),
  v.forward(
    v.check(
      (all) => canDecrypt(all),
      ({ input }) => refuseKey(input),
    ),
    ['encryptionKeyArn'],
  ),
  v.forward(
    v.check(
      ({ signingKeys, signingKeyArns }) =>
        Object.keys(signingKeyArns).every((name) => signingKeys.includes(name)),
      'a key is named that is not among signingKeys: list it there, the one that signs first',
    ),
    ['signingKeyArns'],
  ),
  v.forward(
    v.check(({ signingKeyArns }) => {
      const arns = Object.values(signingKeyArns);
      return new Set(arns).size === arns.length;
    }, 'a key is given twice, and each name needs a key of its own'),
    ['signingKeyArns'],
  ),
  v.check(
    (all) => listReadersWithoutIam(all).length === 0,
    ({ input }) =>
      `control plane "${listReadersWithoutIam(input)[0]}" has readerRoleTrust, which needs IAM, but its dataPlaneAuth does not include IAM: add "iam": true, or remove readerRoleTrust`,
  ),
  v.check(
    ({ controlPlanes, dataPlaneAuth, reservedConcurrency: { presign = leastPresigners } }) =>
      presign >= leastPresigners ||
      Object.values(controlPlanes).every(
        (unit) => (unit.dataPlaneAuth ?? dataPlaneAuth).clusterCertificate === undefined,
      ),
    `reservedConcurrency.presign: with cluster certificates at least ${leastPresigners} are expected, because strangers can keep ${routeThrottle.burst} of them busy`,
  ),
);

interface AuthSettings {
  readonly controlPlanes: Readonly<
    Record<string, { readonly dataPlaneAuth?: WithIam | undefined; readonly readerRoleTrust?: unknown }>
  >;
  readonly dataPlaneAuth: WithIam;
}

interface WithIam {
  readonly iam: boolean;
}

function listReadersWithoutIam({ controlPlanes, dataPlaneAuth }: AuthSettings): readonly string[] {
  return Object.entries(controlPlanes)
    .filter(([, unit]) => unit.readerRoleTrust !== undefined && !(unit.dataPlaneAuth ?? dataPlaneAuth).iam)
    .map(([name]) => name);
}
