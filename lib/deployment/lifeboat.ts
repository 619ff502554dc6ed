import { Stack, Token } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import type { CommandName } from '../../core/export/operator-command.ts';
import { Api } from '../api/api.ts';
import { Export } from '../export/export.ts';
import { Listener } from '../export/listener.ts';
import { PrivateEndpoints } from '../export/private-endpoints.ts';
import { LogKey } from '../functions/log-key.ts';
import { StableRole } from '../functions/stable-role.ts';
import { allowInvoke, GrantGiver } from '../grants/grant-giver.ts';
import { Drills } from '../inspection/drills.ts';
import { Inspection } from '../inspection/inspection.ts';
import { Intake } from '../intake/intake.ts';
import { Operations } from '../operations/operations.ts';
import type { Settings } from '../settings/settings.ts';
import { DataEvents, formatDataEventSelector } from '../vault/data-events.ts';
import { Vault } from '../vault/vault.ts';
import { applyToAll } from './apply-to-all.ts';
import { addDeploymentOutputs, formatPublicKeyCommand } from './deployment-outputs.ts';
import { buildDespite, type GivenProps, readProps } from './given-props.ts';
import type { LifeboatProps } from './lifeboat-props.ts';
import type { LifeboatUnit } from './lifeboat-unit.ts';
import { warnOfAlarms, warnOfRegion } from './setting-warnings.ts';
import { addStackBudget } from './stack-budget.ts';
import { letAlarmsUseTopicKey } from './topic-key.ts';

/**
 * Keeps the configuration of Kong control planes for data planes that start without them: one vault and one
 * API, and a unit for each control plane that touches no other.
 */
export class Lifeboat extends GrantGiver<LifeboatUnit> {
  readonly vault: Vault;
  readonly api: Api;
  /** By the name of their control plane. */
  readonly units: ReadonlyMap<string, LifeboatUnit>;
  /**
   * Advanced event selector (JSON) for a trail of yours, with `dataEvents: 'selector'`: each reading and
   * writing in the vault.
   */
  readonly dataEventSelector: string | undefined;
  /**
   * What its replica shares with it.
   *
   * @internal
   */
  readonly settings: Settings;

  /** @throws SettingsError where nothing can be built of the settings; synth says all else that is wrong */
  constructor(scope: Construct, id: string, props: LifeboatProps) {
    super(scope, id);
    const { outputs = true, ...properties } = props;
    const given = readProps(this, properties);
    warnOfRegion(this);
    warnOfAlarms(this, given.settings);
    letAlarmsUseTopicKey(this, props.alarmTopic);
    const { vault, api, units } = buildDespite(this, given.mistakes, () => this.#build(given));
    this.dataEventSelector =
      given.settings.dataEvents === 'selector' ? formatDataEventSelector(vault.bucket) : undefined;
    this.settings = given.settings;
    this.vault = vault;
    this.api = api;
    this.units = new Map(units.map((unit) => [unit.controlPlane, unit]));
    if (outputs) {
      addDeploymentOutputs(this);
    }
  }

  /**
   * Lets a role send commands to exactly one control plane: all of them, or those that are named.
   *
   * @throws Error when there is no such control plane, or the role takes no policy, or its ARN is known in
   * another stack only
   */
  grantOperate(role: iam.IRole, controlPlane: string, commands?: readonly CommandName[]): iam.Grant {
    const unit = this.findUnit(controlPlane);
    if (Token.isUnresolved(role.roleArn) && Stack.of(role) !== Stack.of(this)) {
      throw new Error(
        `the operator’s role ${role.node.path} belongs to another stack, and each stack would need the other: create the role ` +
          'in this one, or take it by its ARN (Role.fromRoleArn)',
      );
    }
    const allowed = iam.Grant.addToPrincipal({
      grantee: role,
      actions: ['execute-api:Invoke'],
      resourceArns: (commands ?? ['*']).map((command) => this.api.commandArn(controlPlane, command)),
    });
    this.requireAllowed(allowed, role, controlPlane);
    unit.export.allowOperator({ arn: role.roleArn, commands });
    return allowed;
  }

  /**
   * Lets people ask about exactly one control plane's revisions: what is published, its history, what
   * changed, whether it is what was signed. They see names, never values that may be secret.
   *
   * @throws Error when there is no such control plane, or the grantee takes no policy
   */
  grantInspect(grantee: iam.IGrantable, controlPlane: string): iam.Grant {
    const allowed = allowInvoke(grantee, this.findUnit(controlPlane).inspectArn);
    this.requireAllowed(allowed, grantee, controlPlane);
    return allowed;
  }

  /**
   * Lets people get the file of any kept revision of exactly one control plane, with all secrets in it, also
   * those that were replaced since. Neither `grantInspect` nor `grantBootstrap` gives this.
   *
   * @throws Error when there is no such control plane, or the grantee takes no policy
   */
  grantFetchRevision(grantee: iam.IGrantable, controlPlane: string): iam.Grant {
    const allowed = allowInvoke(grantee, this.findUnit(controlPlane).revisionGrantArn);
    this.requireAllowed(allowed, grantee, controlPlane);
    return allowed;
  }

  /** Name of the vault. */
  get bucketName(): string {
    return this.vault.bucket.bucketName;
  }

  /** Key that signs the configurations. */
  get signingKeyArn(): string {
    return this.vault.signingKey.keyArn;
  }

  /** Prints the public key that data planes pin. */
  get publicKeyCommand(): string {
    return formatPublicKeyCommand(this.signingKeyArn);
  }

  /** The same for each signing key, by its name. */
  get publicKeyCommands(): ReadonlyMap<string, string> {
    return new Map(
      [...this.vault.signingKeys].map(([name, { keyArn }]) => [name, formatPublicKeyCommand(keyArn)]),
    );
  }

  #build({ settings, secrets, encryptionKey }: GivenProps) {
    applyToAll(this, settings);
    addStackBudget(this);

    const tenants = Object.entries(settings.controlPlanes).map(([controlPlane, unit]) => ({
      controlPlane,
      settings: unit,
      exportRole: new StableRole(this, `ExportRole-${controlPlane}`, { controlPlane, kind: 'export' }),
      presignRole: new StableRole(this, `PresignRole-${controlPlane}`, { controlPlane, kind: 'presign' }),
      inspectRole: new StableRole(this, `InspectRole-${controlPlane}`, { controlPlane, kind: 'inspect' }),
      fileReaderRoleArns: unit.fileReaderRoleArns,
    }));
    const vault = new Vault(this, 'Vault', { tenants, ...settings, encryptionKey });
    const logKey = settings.logKey ? new LogKey(this, 'LogKey') : undefined;
    const api = new Api(this, 'Api', { ...settings, logKey });
    const units = tenants.map(
      ({ controlPlane, settings: unit, exportRole, presignRole, inspectRole }): LifeboatUnit => {
        const common = { controlPlane, settings: unit, deployment: settings, logKey, vault };
        const exporter = new Export(this, `Export-${controlPlane}`, {
          ...common,
          secrets: secrets.get(controlPlane) ?? {},
          api,
          role: exportRole,
        });
        const drillRoleArn = settings.drillHours === 0 ? undefined : inspectRole.stableArn;
        const grants = this.createGrantUnit({ ...common, api, presignRole, drillRoleArn });
        const readerRole = this.#createReaderRole(controlPlane, grants.grantArn, unit.readerRoleTrust);
        return {
          ...grants,
          export: exporter,
          inspection: new Inspection(this, `Inspect-${controlPlane}`, { ...common, api, role: inspectRole }),
          listener: unit.listen
            ? new Listener(this, `Listen-${controlPlane}`, { ...common, export: exporter })
            : undefined,
          webhookUrl: api.hookUrl(controlPlane),
          commandArn: unit.operatorRoleArns.length === 0 ? undefined : api.commandArn(controlPlane),
          inspectArn: api.inspectArn(controlPlane),
          revisionGrantArn: api.revisionGrantArn(controlPlane),
          readerRole,
          readerRoleArn: readerRole?.roleArn,
          hookSecretArn: exporter.hookSecret.secretArn,
          clusterCertificateArn: exporter.certificateSecret.secretArn,
        };
      },
    );
    this.#playDrills(units);
    this.#createPrivateEndpoints(settings, units, vault);
    const exports = new Map(units.map((unit) => [unit.controlPlane, unit.export]));
    const intake = new Intake(this, 'Intake', { deployment: settings, logKey, api, exports });
    new Operations(this, 'Operations', { deployment: settings, api, intake, units });
    if (settings.dataEvents === true) {
      new DataEvents(this, 'DataEvents', { bucket: vault.bucket });
    }
    return { vault, api, units };
  }

  #playDrills(units: readonly LifeboatUnit[]): void {
    const drilled = units.filter(({ inspection }) => inspection.drillHours !== undefined);
    if (drilled.length > 0) {
      const drills = new Drills(this, 'Drills');
      for (const { controlPlane, inspection } of drilled) {
        drills.play(controlPlane, inspection);
      }
    }
  }

  #createPrivateEndpoints({ controlPlanes }: Settings, units: readonly LifeboatUnit[], vault: Vault): void {
    const networks = new Map(Object.entries(controlPlanes).map(([name, { vpc }]) => [name, vpc]));
    for (const [controlPlane, network] of networks) {
      if (network?.endpoints !== undefined) {
        new PrivateEndpoints(this, `Endpoints-${controlPlane}`, {
          network,
          routeTableIds: network.endpoints.routeTableIds,
          exports: units.flatMap((unit) => {
            const own = networks.get(unit.controlPlane);
            return own?.vpcId === network.vpcId
              ? [
                  {
                    export: unit.export,
                    securityGroupIds: own.securityGroupIds,
                  },
                ]
              : [];
          }),
          vault,
        });
      }
    }
  }

  /** HTTP APIs have no resource policies: data planes of another account assume a role of this one. */
  #createReaderRole(
    controlPlane: string,
    grantArn: string,
    trust: readonly string[] | undefined,
  ): iam.Role | undefined {
    if (trust === undefined) {
      return undefined;
    }
    const trusted = trust.map((each) =>
      /^\d+$/.test(each) ? new iam.AccountPrincipal(each) : new iam.ArnPrincipal(each),
    );
    const role = new iam.Role(this, `ReaderRole-${controlPlane}`, {
      description: `Lifeboat: lets data planes of other accounts ask for grants of control plane ${controlPlane}`,
      assumedBy: new iam.CompositePrincipal(...trusted),
    });
    allowInvoke(role, grantArn);
    return role;
  }
}
