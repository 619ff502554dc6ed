/** What the properties of a deployment say: settings in text, and what only a construct of CDK can do. */
import { Annotations, Stack } from 'aws-cdk-lib';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type { IHostedZone } from 'aws-cdk-lib/aws-route53';
import { OUTDIR_ENV } from 'aws-cdk-lib/cx-api';
import type { Construct } from 'constructs';
import type { GivenSecrets } from '../export/export.ts';
import {
  type Alternatives,
  GivenConstructs,
  hasShape,
  type Mistake,
  ofControlPlane,
  ofDeployment,
  ofDomain,
  ofVaultMadeWith,
  type Section,
} from '../settings/given-constructs.ts';
import {
  checkReplicaSettings,
  checkSettings,
  makeSettingsError,
  type ReplicaSettings,
  type Settings,
} from '../settings/settings.ts';
import { isToken, markPendingLookups } from '../settings/unknown-values.ts';
import { readNetwork } from './given-network.ts';
import type { LifeboatProps } from './lifeboat-props.ts';
import { findForeignArns } from './own-region.ts';

export interface GivenProps {
  readonly settings: Settings;
  readonly mistakes: readonly Mistake[];
  /** By the name of their control plane. */
  readonly secrets: ReadonlyMap<string, GivenSecrets>;
  /** A key of this stack, whose policy gets what it needs. */
  readonly encryptionKey: kms.IKey | undefined;
}

/**
 * Reads the properties of a deployment.
 *
 * @throws SettingsError where nothing can be built of them
 */
export function readProps(deployment: Construct, props: Omit<LifeboatProps, 'outputs'>): GivenProps {
  const constructs = new GivenConstructs();
  const { domain, vaultMadeWith, controlPlanes, ...others } = constructs.read(props, ofDeployment) as Section;
  const secrets = new Map<string, GivenSecrets>();
  const given = markPendingLookups({
    ...others,
    ...readDomain(constructs, domain),
    ...readSection(constructs, 'vaultMadeWith', vaultMadeWith, ofVaultMadeWith),
    controlPlanes: hasShape(controlPlanes)
      ? mapEntries(controlPlanes, (unit, name) => {
          if (!hasShape(unit)) {
            return unit;
          }
          secrets.set(name, findSecrets(unit));
          const text = constructs.read(unit, ofControlPlane, `controlPlanes.${name}.`) as Section;
          return readNetwork(deployment, name, text, constructs);
        })
      : controlPlanes,
  });
  const { settings, mistakes } = checkSettings(given);
  const all = [
    ...constructs.mistakes,
    ...[...mistakes, ...(settings === undefined ? [] : findForeignArns(deployment, settings))].map(
      (mistake) => constructs.nameProperty(mistake),
    ),
  ];
  if (settings === undefined) {
    throw makeSettingsError(`of ${deployment.node.path}`, all);
  }
  const { encryptionKey: key } = props;
  const isOfThisStack = hasShape(key, 'keyArn', 'node') && Stack.of(key) === Stack.of(deployment);
  return { settings, mistakes: all, secrets, encryptionKey: isOfThisStack ? key : undefined };
}

/**
 * Reads the properties of a replica.
 *
 * @throws SettingsError where nothing can be built of them
 */
export function readReplicaProps(
  replica: Construct,
  props: object,
): {
  readonly settings: ReplicaSettings;
  readonly mistakes: readonly Mistake[];
  /** Names a mistake by the property that was given. */
  readonly nameProperty: (mistake: Mistake) => Mistake;
} {
  const constructs = new GivenConstructs();
  const { alarmTopic } = ofDeployment;
  const { domain, ...others } = constructs.read(
    props,
    alarmTopic === undefined ? {} : { alarmTopic },
  ) as Section;
  const { settings, mistakes } = checkReplicaSettings(
    markPendingLookups({ ...others, ...readDomain(constructs, domain) }),
  );
  const nameProperty = (mistake: Mistake) => constructs.nameProperty(mistake);
  const all = [...constructs.mistakes, ...mistakes.map(nameProperty)];
  if (settings === undefined) {
    throw makeSettingsError(`of ${replica.node.path}`, all);
  }
  return { settings, mistakes: all, nameProperty };
}

/**
 * Builds with wrong settings, too, as far as that is possible, and has synth say what is wrong: CDK still
 * learns what it has to look up, and everything that is wrong in the app is said at once.
 *
 * @throws SettingsError where nothing can be built of them
 */
export function buildDespite<Parts>(
  deployment: Construct,
  mistakes: readonly Mistake[],
  build: () => Parts,
): Parts {
  if (mistakes.length === 0) {
    return build();
  }
  const wrong = makeSettingsError(`of ${deployment.node.path}`, mistakes);
  Annotations.of(deployment).addError(wrong.message);
  // Errors of annotations end the `cdk` command, and nothing else reads them: `node app.js` would write the
  // template.
  deployment.node.addValidation({ validate: () => (OUTDIR_ENV in process.env ? [] : [wrong.message]) });
  try {
    return build();
  } catch {
    // What was thrown is about what a wrong setting has led to.
    throw wrong;
  }
}

function readSection(
  constructs: GivenConstructs,
  name: string,
  given: unknown,
  alternatives: Alternatives,
): Section {
  return given === undefined ? {} : { [name]: constructs.read(given, alternatives, `${name}.`) };
}

/** Route 53 takes no record of another zone's name, and would say so in the middle of the deployment. */
function readDomain(constructs: GivenConstructs, given: unknown): Section {
  const { name, hostedZone } = hasShape(given) ? given : {};
  const zoneName = findZoneName(hostedZone);
  if (typeof name === 'string' && zoneName !== undefined && !`.${name}`.endsWith(`.${zoneName}`)) {
    constructs.refuse('domain.hostedZone', `${name} is no name of the zone ${zoneName}: choose its zone`);
  }
  return readSection(constructs, 'domain', given, ofDomain);
}

/** @returns undefined where nobody knows it at synth */
function findZoneName(zone: unknown): string | undefined {
  try {
    const { zoneName } = zone as IHostedZone;
    return isToken(zoneName) ? undefined : zoneName.replace(/\.$/, '');
  } catch {
    // CDK refuses to say it of a zone that was imported by its id.
    return undefined;
  }
}

function findSecrets(unit: Section): GivenSecrets {
  const { clusterCertificateSecret, proxySecret, eventHookSecret } = unit as GivenSecrets;
  return { clusterCertificateSecret, proxySecret, eventHookSecret };
}

function mapEntries(given: Section, map: (value: unknown, name: string) => unknown): Section {
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [name, map(value, name)]));
}
