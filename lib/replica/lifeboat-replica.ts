import { CfnResource, ReferenceStrength, Stack, Token, TokenComparison } from 'aws-cdk-lib';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { Api } from '../api/api.ts';
import { formatDeploymentName } from '../conventions/deployment-name.ts';
import { applyToAll } from '../deployment/apply-to-all.ts';
import { buildDespite, readReplicaProps } from '../deployment/given-props.ts';
import type { Lifeboat } from '../deployment/lifeboat.ts';
import type { LifeboatDomainProps } from '../deployment/lifeboat-props.ts';
import { findForeignArns } from '../deployment/own-region.ts';
import { warnOfRegion, warnOfSilence } from '../deployment/setting-warnings.ts';
import { addStackBudget } from '../deployment/stack-budget.ts';
import { letAlarmsUseTopicKey } from '../deployment/topic-key.ts';
import { LogKey } from '../functions/log-key.ts';
import { StableRole } from '../functions/stable-role.ts';
import { allowInvoke, GrantGiver, type GrantUnit } from '../grants/grant-giver.ts';
import { addApiOutputs, addDataEventOutput, addGrantOutputs, addOutput } from '../operations/outputs.ts';
import type { Mistake } from '../settings/given-constructs.ts';
import { type ReplicaSettings, type Settings, SettingsError } from '../settings/settings.ts';
import { DataEvents, formatDataEventSelector } from '../vault/data-events.ts';
import { ReplicaOperations } from './replica-operations.ts';
import { ReplicaStore } from './replica-store.ts';
import { Replication } from './replication.ts';

/**
 * Properties of a replica; everything else it takes from its Lifeboat. docs/settings.md says more. Synth
 * refuses a wrong value with a sentence.
 */
export interface LifeboatReplicaProps {
  /** The Lifeboat whose files are copied. Its stack is in another region of the same account. */
  readonly lifeboat: Lifeboat;
  /**
   * A name of yours for the API of this region, another one than the first region's.
   * @default the one that API Gateway gives
   */
  readonly domain?: LifeboatDomainProps | undefined;
  /**
   * Standard SNS topic of this region where alarms go.
   * @default they change their state and notify nobody
   */
  readonly alarmTopic?: sns.ITopic | undefined;
  /** The same by its ARN. @default as `alarmTopic` */
  readonly alarmTopicArn?: string | undefined;
  /**
   * Name of the bucket.
   * @default CloudFormation makes one
   */
  readonly bucketName?: string | undefined;
  /**
   * Whether S3's Replication Time Control is on: AWS commits to 15 minutes for nearly all copies, and bills
   * it.
   * @default false
   */
  readonly timeControl?: boolean | undefined;
  /**
   * Whether the stack gets the outputs that people need next. Their ids begin with the construct's id. What
   * they say is in properties of the construct and of its `units` as well.
   * @default true
   */
  readonly outputs?: boolean | undefined;
}

/**
 * The files of a Lifeboat in a second region, with grants of their own, so that data planes boot during an
 * outage of the first region. It takes no hooks and exports nothing: S3 copies the files of the vault.
 *
 * The first region's stack refers to this one, never the other way round: this one is deployed first. A data
 * plane's role that is granted both regions therefore belongs to the first region's stack or to a third one:
 * for a role of this stack,
 * `Lifeboat.grantBootstrap` would make this stack refer to the first.
 */
export class LifeboatReplica extends GrantGiver<GrantUnit> {
  readonly store: ReplicaStore;
  readonly api: Api;
  /** By the name of their control plane. */
  readonly units: ReadonlyMap<string, GrantUnit>;

  /**
   * Advanced event selector (JSON) for a trail of yours, with `dataEvents: 'selector'`: each reading and
   * writing in the copies.
   */
  readonly dataEventSelector: string | undefined;

  /** @throws SettingsError where nothing can be built of the settings; synth says all else that is wrong */
  constructor(scope: Construct, id: string, props: LifeboatReplicaProps) {
    super(scope, id);
    const { lifeboat, outputs = true, ...properties } = props;
    const { settings: own, mistakes, nameProperty } = readReplicaProps(this, properties);
    requireOtherRegion(this, lifeboat);
    warnOfRegion(this);
    warnOfSilence(this, own.alarmTopicArn);
    letAlarmsUseTopicKey(this, props.alarmTopic);
    // Settings that name resources of the first region do not apply here.
    const settings: Settings = {
      ...lifeboat.settings,
      domain: own.domain,
      alarmTopicArn: own.alarmTopicArn,
      bucketName: own.bucketName,
      encryptionKeyArn: undefined,
      previousEncryptionKeyArns: [],
      signingKeyArns: {},
    };
    const all = [
      ...mistakes,
      ...findSameNames(own, lifeboat.settings),
      // The secrets are read in the first region alone.
      ...findForeignArns(this, { ...settings, controlPlanes: {} }).map(nameProperty),
    ];
    const { store, api, units } = buildDespite(this, all, () => this.#build(lifeboat, own, settings));
    this.dataEventSelector =
      settings.dataEvents === 'selector' ? formatDataEventSelector(store.bucket) : undefined;
    this.store = store;
    this.api = api;
    this.units = new Map(units.map((unit) => [unit.controlPlane, unit]));
    if (outputs) {
      this.#addOutputs();
    }
  }

  /** Name of the bucket with the vault's files in this region. */
  get bucketName(): string {
    return this.store.bucket.bucketName;
  }

  #build(lifeboat: Lifeboat, own: ReplicaSettings, settings: Settings) {
    applyToAll(this, settings);
    addStackBudget(this);

    const roleName = makeReplicationRoleName(lifeboat.vault, Stack.of(this).region);
    const tenants = Object.entries(settings.controlPlanes).map(([controlPlane, unit]) => ({
      controlPlane,
      settings: unit,
      presignRole: new StableRole(this, `PresignRole-${controlPlane}`, { controlPlane, kind: 'presign' }),
    }));
    const store = new ReplicaStore(this, 'Replica', {
      ...settings,
      tenants,
      // By name and not by reference: the stack that is deployed after this one makes the role.
      replicationRoleArn: Stack.of(this).formatArn({
        service: 'iam',
        region: '',
        resource: 'role',
        resourceName: roleName,
      }),
    });
    const logKey = settings.logKey ? new LogKey(this, 'LogKey') : undefined;
    const api = new Api(this, 'Api', { ...settings, logKey });
    const units = tenants.map(({ controlPlane, settings: unit, presignRole }): GrantUnit => {
      const grants = this.createGrantUnit({
        controlPlane,
        settings: unit,
        deployment: settings,
        logKey,
        vault: store,
        api,
        presignRole,
      });
      const readerRole = lifeboat.units.get(controlPlane)?.readerRole;
      if (readerRole !== undefined) {
        allowInvoke(readerRole, grants.grantArn);
      }
      return grants;
    });
    new ReplicaOperations(this, 'Operations', { deployment: settings, api, store, units });
    if (settings.dataEvents === true) {
      new DataEvents(this, 'DataEvents', { bucket: store.bucket });
    }
    Stack.of(lifeboat).addStackDependency(Stack.of(this));
    new Replication(lifeboat, 'Replication', {
      deployment: lifeboat.settings,
      vault: lifeboat.vault,
      roleName,
      replica: store.elsewhere,
      timeControl: own.timeControl,
    });
    for (const each of this.node.findAll().filter(CfnResource.isCfnResource)) {
      // Independent of the app's feature flags: strong references between regions would be custom resources.
      each.applyCrossStackReferenceStrength(ReferenceStrength.WEAK);
    }
    return { store, api, units };
  }

  #addOutputs(): void {
    addApiOutputs(this);
    addDataEventOutput(this);
    addOutput(this, 'Bucket', 'The vault’s files in this region', this.bucketName);
    for (const unit of this.units.values()) {
      addGrantOutputs(this, unit);
    }
  }
}

/**
 * Unique in the account, as names of roles must be: only one deployment of this name can replicate to that
 * region.
 */
function makeReplicationRoleName(vault: Construct, region: string): string {
  const name = `${formatDeploymentName(vault)}-to-${region}`;
  // IAM User Guide, "IAM and AWS STS quotas".
  if (name.length > 64) {
    throw new SettingsError(
      `the replication role of ${vault.node.path} would be called ${name}, but IAM accepts at most 64 characters: give the stack a shorter name`,
    );
  }
  return name;
}

function requireOtherRegion(replica: Construct, lifeboat: Construct): void {
  const [here, there] = [Stack.of(replica), Stack.of(lifeboat)];
  const refuse = (sentence: string) =>
    new SettingsError(`${replica.node.path} cannot be created: ${sentence}`);
  if (Token.isUnresolved(here.region) || Token.isUnresolved(there.region)) {
    throw refuse(
      `the regions of both stacks must be known at synth, because one refers to the other: give ${here.node.path} and ${there.node.path} an \`env\` with a \`region\``,
    );
  }
  if (here.region === there.region) {
    throw refuse(
      `it is in ${here.region}, like the vault, so one outage would affect both: choose another region`,
    );
  }
  if (Token.compareStrings(here.account, there.account) === TokenComparison.DIFFERENT) {
    throw refuse(
      'it is in another account than the vault: one role of one account must read the vault and write the replica',
    );
  }
  if (lifeboat.node.tryFindChild('Replication') !== undefined) {
    throw refuse(`${lifeboat.node.path} already has a replica`);
  }
}

/**
 * AWS would report it only during deployment: bucket names are global, and a zone has one record per name.
 */
function findSameNames(own: ReplicaSettings, ofVault: Settings): readonly Mistake[] {
  const names: readonly (readonly [setting: string, own: string | undefined, ofVault: string | undefined])[] =
    [
      ['bucketName', own.bucketName, ofVault.bucketName],
      ['domain.name', own.domain?.name, ofVault.domain?.name],
    ];
  return names
    .filter(([, name, other]) => name !== undefined && name === other)
    .map(([path]) => ({ path, sentence: 'the first region uses this name: choose another one' }));
}
