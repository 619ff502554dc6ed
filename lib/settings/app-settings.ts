/** Settings of a replica, and of an app that has both. */
import * as v from 'valibot';
import { stacksSchema } from './app-stacks.ts';
import { domainSchema, givenSettingsSchema } from './deployment-settings.ts';
import { awsRegionSchema, bucketNameSchema, sectionSchema, topicArnSchema } from './setting-values.ts';

const replicaEntries = {
  /** A name of yours for the API of that region. Default: the one that API Gateway gives. */
  domain: v.optional(domainSchema),
  /** Of that region. Default: alarms there notify nobody. */
  alarmTopicArn: v.optional(topicArnSchema),
  bucketName: v.optional(bucketNameSchema),
  /** S3's Replication Time Control, which costs. */
  timeControl: v.optional(v.boolean('true or false is expected'), false),
};

export const replicaSchema = sectionSchema(replicaEntries);

/** Settings of a whole app: Lifeboat in one stack, or in several, and the replica of each in another one. */
export const appSettingsSchema = v.pipe(
  sectionSchema({
    ...givenSettingsSchema.entries,
    /** Where the vault is. Default: where it is deployed to. */
    region: v.optional(awsRegionSchema),
    /** A second region with the same files and grants of its own. Default: none. */
    replica: v.optional(sectionSchema({ region: awsRegionSchema, ...replicaEntries })),
    /** Which control plane is in which stack. Default: all are in one. */
    stacks: v.optional(stacksSchema),
  }),
  v.forward(
    v.check(
      ({ region, replica: second }) => second === undefined || region !== undefined,
      'a replica needs the region of the vault: add the setting "region"',
    ),
    ['replica'],
  ),
  v.forward(
    v.check(
      ({ region, replica: second }) => second === undefined || second.region !== region,
      'a region other than the vault’s is expected: in the same region one outage would affect both',
    ),
    ['replica', 'region'],
  ),
);
