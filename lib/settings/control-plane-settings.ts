/** Settings of one control plane. */
import * as v from 'valibot';
import { defaultGuard } from '../../core/vault/plausibility.ts';
import { authorityCertificateSchema, dataPlaneCertificateSchema } from './cluster-certificates.ts';
import {
  clusterEndpointSchema,
  commonNameSchema,
  dataPlaneVersionSchema,
  listSchema,
  namesSchema,
  pluginNameSchema,
  proxyServerSchema,
  roleArnSchema,
  secretArnSchema,
  sectionSchema,
  textSchema,
  trustedPrincipalSchema,
  wasmFilterSchema,
  wholeNumberSchema,
} from './setting-values.ts';

export const vpcSchema = v.pipe(
  sectionSchema({
    vpcId: textSchema(
      /^vpc-([0-9a-f]{8}|[0-9a-f]{17})$/,
      'a VPC id is expected, for example "vpc-0123456789abcdef0"',
    ),
    availabilityZones: v.pipe(
      listSchema(
        textSchema(/^[a-z0-9-]+$/, 'an availability zone is expected, for example "eu-central-1a"'),
        'availability zones',
      ),
      v.minLength(1, 'at least one availability zone is needed'),
    ),
    /**
     * Private subnets with a way to the control plane and to AWS (NAT or endpoints), one per availability
     * zone.
     */
    subnetIds: v.pipe(
      listSchema(
        textSchema(
          /^subnet-([0-9a-f]{8}|[0-9a-f]{17})$/,
          'a subnet id is expected, for example "subnet-0123456789abcdef0"',
        ),
        'subnet ids',
      ),
      v.minLength(1, 'at least one subnet is needed'),
    ),
    securityGroupIds: v.pipe(
      listSchema(
        textSchema(
          /^sg-([0-9a-f]{8}|[0-9a-f]{17})$/,
          'a security group id is expected, for example "sg-0123456789abcdef0"',
        ),
        'security group ids',
      ),
      v.minLength(1, 'at least one security group is needed'),
    ),
    /**
     * Makes the endpoints that an export needs in a network without internet access. Default: the network has
     * them, or a NAT.
     */
    endpoints: v.optional(
      sectionSchema({
        /** Of each subnet, in the same order: it gets the way to S3. */
        routeTableIds: listSchema(
          textSchema(
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

const certificatesSchema = <const Item extends v.GenericSchema<string>>(item: Item) =>
  v.pipe(
    listSchema(item, 'certificates'),
    v.minLength(1, 'name at least one certificate, or remove the setting'),
    // The function's environment has room for about five authorities, and a replacement needs two.
    v.maxLength(10, 'at most 10 certificates are allowed'),
  );

export const dataPlaneAuthSchema = v.pipe(
  sectionSchema({
    /** By AWS credentials; who may ask is said per control plane. */
    iam: v.optional(v.boolean('true or false is expected'), false),
    /** By the certificate of hybrid mode and its key. */
    clusterCertificate: v.optional(
      v.pipe(
        sectionSchema({
          /** The data planes' certificates themselves: `cluster_mtls = shared`. */
          certificates: v.optional(certificatesSchema(dataPlaneCertificateSchema)),
          /** Those of the authorities that issue them: `cluster_mtls = pki`. */
          authorities: v.optional(certificatesSchema(authorityCertificateSchema)),
          /** Common names that certificates of the authorities must have one of. Default: any. */
          commonNames: v.optional(
            v.pipe(
              listSchema(commonNameSchema, 'common names'),
              v.minLength(1, 'name at least one, or remove the setting to allow any'),
            ),
          ),
        }),
        v.check(
          (given) => given.certificates !== undefined || given.authorities !== undefined,
          'name certificates (cluster_mtls = shared) or authorities (pki): without them no data plane could ask for a grant',
        ),
        v.check(
          (given) => given.commonNames === undefined || given.authorities !== undefined,
          'commonNames are for certificates that authorities issue: name authorities, or remove commonNames',
        ),
      ),
    ),
  }),
  v.check(
    ({ iam, clusterCertificate }) => iam || clusterCertificate !== undefined,
    'no data plane could ask for a grant: set iam to true, or name clusterCertificate',
  ),
);

/**
 * What an export needs for a frame of this size: the frame, which the WebSocket copies once; the file that is
 * made of it, and that file while it is sent; and the function itself. An export of 45 MiB was measured to
 * take 235 MiB.
 */
const neededMemoryMiB = (maxFrameMiB: number) => 256 + 5 * maxFrameMiB;

const isOfKonnect = (clusterEndpoint: string) => /(^|\.)konghq\.(com|tech):\d+$/i.test(clusterEndpoint);

const guardLimitsSchema = sectionSchema({
  /** Types with fewer entities are not measured. */
  minimumEntities: v.optional(wholeNumberSchema(1, 1_000_000, 'entities'), defaultGuard.minimumEntities),
  /** 100: no deletion is held but one that leaves nothing. */
  maximumLossPercent: v.optional(wholeNumberSchema(0, 100, 'percent'), defaultGuard.maximumLossPercent),
});

const guardSchema = v.lazy((given) =>
  typeof given === 'string'
    ? v.literal('off', 'either "off" or an object with limits is expected')
    : guardLimitsSchema,
);

const controlPlaneSection = sectionSchema({
  /** `host:port` of the control plane's `cluster_listen`, as data planes reach it. */
  clusterEndpoint: clusterEndpointSchema,
  /** `cluster_mtls` of the control plane. */
  clusterMtls: v.optional(
    v.picklist(['shared', 'pki'], ({ input }) =>
      // What it checks is checked by the control plane alone.
      input === 'pki_check_cn'
        ? '"pki" will do for pki_check_cn: a data plane connects in the same way. The control plane must allow the common name of the certificate'
        : 'either "shared" or "pki" is expected',
    ),
    'shared',
  ),
  /**
   * Name in the control plane's certificate. Default: `kong_clustering` in shared mode, the host in PKI mode.
   */
  clusterServerName: v.optional(
    textSchema(/^[A-Za-z0-9_.-]+$/, 'a host name is expected, for example "kong-cp.example.com"'),
  ),
  /** Full versions of the data planes that the fleet runs: a file is published for each. */
  dataPlaneVersions: v.pipe(
    listSchema(dataPlaneVersionSchema, 'full Kong versions'),
    v.minLength(1, 'at least one version is needed: the one that `kong version` prints on a data plane'),
    // Each costs a connection to the control plane per export.
    v.maxLength(10, 'at most 10 versions are allowed'),
    v.check((versions) => new Set(versions).size === versions.length, 'a version is listed twice'),
  ),
  /** Plugins that are configured, those that are not Kong's own at least. */
  customPlugins: v.optional(
    namesSchema(
      pluginNameSchema,
      'plugin names',
      'a plugin is listed twice: name it once, without a version',
    ),
    [],
  ),
  /** The wasm filters that the control plane has, used or not. */
  wasmFilters: v.optional(namesSchema(wasmFilterSchema, 'filter names', 'a filter is listed twice'), []),
  /** Largest frame that is read, compressed. */
  maxFrameMiB: v.optional(wholeNumberSchema(1, 256, 'MiB'), 64),
  /** Memory of the export's function. Its share of CPU grows with it. */
  memoryMiB: v.optional(wholeNumberSchema(512, 10_240, 'MiB'), 1024),
  /** A secret of yours with the cluster certificate. Default: one is made, and waits to be filled. */
  clusterCertificateSecretArn: v.optional(secretArnSchema),
  /** A forward proxy on the way to the control plane. Default: there is none. */
  proxyServer: v.optional(proxyServerSchema),
  /** A secret of yours with what the proxy needs: `{"username", "password", "ca"?}`. Default: nothing. */
  proxySecretArn: v.optional(secretArnSchema),
  /** A secret of yours that signs the event hooks. Default: one is generated. */
  eventHookSecretArn: v.optional(secretArnSchema),
  /**
   * Accounts, roles and users that may assume a role which may ask for grants of this control plane. Default:
   * there is no such role.
   */
  readerRoleTrust: v.optional(
    v.pipe(
      listSchema(trustedPrincipalSchema, 'account numbers and ARNs'),
      v.minLength(1, 'name at least one account, role or user, or remove the setting'),
      // IAM takes 2,048 characters in a trust policy.
      v.maxLength(10, 'at most 10 are allowed: name accounts, which let their own administrators say who'),
      v.check((all) => new Set(all).size === all.length, 'one of them is listed twice'),
    ),
  ),
  /** Roles of this account that may send commands. Default: those that `grantOperate` names in an app. */
  operatorRoleArns: v.optional(
    v.pipe(
      listSchema(roleArnSchema, 'ARNs of roles'),
      v.maxLength(10, 'at most 10 roles are allowed: let people assume one of them'),
      v.check((all) => new Set(all).size === all.length, 'a role is listed twice'),
    ),
    [],
  ),
  /** Roles, of other accounts too, that may read the files in the bucket themselves. Default: nobody may. */
  fileReaderRoleArns: v.optional(
    v.pipe(
      listSchema(
        v.pipe(
          roleArnSchema,
          v.maxLength(120, 'at most 120 characters are allowed: take a role with a shorter path'),
        ),
        'ARNs of roles',
      ),
      v.check((all) => new Set(all).size === all.length, 'a role is listed twice'),
    ),
    [],
  ),
  /** How its data planes prove who they are. Default: as in the whole deployment. */
  dataPlaneAuth: v.optional(dataPlaneAuthSchema),
  /** Where the export runs when the control plane is private. Default: outside any VPC. */
  vpc: v.optional(vpcSchema),
  /** Whether a function listens to the control plane, and asks for an export when a configuration comes. */
  listen: v.optional(v.boolean('true or false is expected'), false),
  /** What is held until a person has approved it. */
  guard: v.optional(guardSchema, defaultGuard),
});

export const controlPlaneSchema = v.pipe(
  controlPlaneSection,
  v.forward(
    v.check(
      ({ listen, clusterEndpoint }) => !listen || !isOfKonnect(clusterEndpoint),
      'listening to a control plane of Konnect was not tried, and is not offered: remove the setting, and choose a smaller ' +
        'scheduleMinutes where 5 minutes are too long',
    ),
    ['listen'],
  ),
  v.check(
    ({ proxyServer, proxySecretArn }) => proxySecretArn === undefined || proxyServer !== undefined,
    'proxySecretArn is for a proxy: name proxyServer, or remove it',
  ),
  v.forward(
    v.check(
      ({ maxFrameMiB, memoryMiB }) => memoryMiB >= neededMemoryMiB(maxFrameMiB),
      ({ input: { maxFrameMiB } }) =>
        `this is too little for frames of ${maxFrameMiB} MiB: set it to ${neededMemoryMiB(maxFrameMiB)} at least, or lower maxFrameMiB`,
    ),
    ['memoryMiB'],
  ),
);
