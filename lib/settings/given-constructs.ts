/** What a property takes of CDK, and what the settings, which are text and numbers, have of it. */
import { Lazy } from 'aws-cdk-lib';

/** Reads a setting from a construct or a `Duration`, or says what was expected. */
type Read = (given: unknown) => { readonly value: unknown } | { readonly mistake: string };

/** By the name of a property: the setting that says the same in text, and how it is read. */
export type Alternatives = Readonly<Record<string, { readonly setting: string; readonly read: Read }>>;

export type Section = Readonly<Record<string, unknown>>;

/** Wrong settings, as far as they are known: where, and the sentence. */
export interface Mistake {
  readonly path: string;
  readonly sentence: string;
}

/**
 * Told by the shape: an app may have two copies of aws-cdk-lib, and a construct of the other one is an
 * instance of no class here.
 */
export function hasShape(given: unknown, ...names: readonly string[]): given is Section {
  return (
    typeof given === 'object' &&
    given !== null &&
    !Array.isArray(given) &&
    names.every((name) => name in given)
  );
}

const attribute =
  (name: string, expected: string): Read =>
  (given) =>
    hasShape(given, name) && typeof given[name] === 'string'
      ? { value: given[name] }
      : { mistake: `${expected} is expected` };

interface DurationShape {
  toSeconds(options: { readonly integral: boolean }): number;
  isUnresolved(): boolean;
}

const duration =
  (unitSeconds: number): Read =>
  (given) => {
    if (!hasShape(given, 'toSeconds', 'isUnresolved')) {
      return { mistake: 'a Duration of CDK is expected' };
    }
    const length = given as unknown as DurationShape;
    return length.isUnresolved()
      ? { mistake: 'a Duration is expected whose length is known at synth' }
      : { value: length.toSeconds({ integral: false }) / unitSeconds };
  };

const topic: Read = (given) =>
  hasShape(given, 'topicArn') && given['fifo'] === true
    ? { mistake: 'CloudWatch alarms notify no FIFO topic: a standard one is expected' }
    : attribute('topicArn', 'a topic of CDK (sns.ITopic)')(given);

const key = attribute('keyArn', 'a key of CDK (kms.IKey)');

const keys: Read = (given) => {
  if (!Array.isArray(given)) {
    return { mistake: 'a list of keys of CDK (kms.IKey) is expected' };
  }
  const read = given.map(key);
  return (
    read.find((each) => 'mistake' in each) ?? { value: read.map((each) => 'value' in each && each.value) }
  );
};

const keysByName: Read = (given) => {
  if (typeof given !== 'object' || given === null) {
    return { mistake: 'an object with keys of CDK (kms.IKey) by their names is expected' };
  }
  const names = Object.keys(given);
  const read = keys(Object.values(given));
  return 'value' in read
    ? { value: Object.fromEntries((read.value as readonly unknown[]).map((arn, at) => [names[at], arn])) }
    : read;
};

/** What grants, and the rest of what a secret is here. */
interface SecretShape {
  readonly secretArn: string;
  readonly secretFullArn?: string | undefined;
}

const secret: Read = (given) => {
  if (!hasShape(given, 'secretArn', 'grantRead')) {
    return { mistake: 'a secret of CDK (secretsmanager.ISecret) is expected' };
  }
  const { secretArn, secretFullArn } = given as unknown as SecretShape;
  // One that is known by its name has no complete ARN. Its own grants know what to allow then.
  return { value: secretFullArn ?? Lazy.string({ produce: () => secretArn }) };
};

const seconds = duration(1);
const minutes = duration(60);
const days = duration(24 * 60 * 60);

export const ofDeployment: Alternatives = {
  urlLifetime: { setting: 'urlLifetimeSeconds', read: seconds },
  coalescingWindow: { setting: 'coalescingWindowSeconds', read: seconds },
  scheduleInterval: { setting: 'scheduleMinutes', read: minutes },
  settleTime: { setting: 'settleSeconds', read: seconds },
  clockTolerance: { setting: 'clockToleranceSeconds', read: seconds },
  minimumInterval: { setting: 'minimumIntervalSeconds', read: seconds },
  noncurrentVersionExpiration: { setting: 'noncurrentVersionDays', read: days },
  objectLockDuration: { setting: 'objectLockDays', read: days },
  alarmTopic: { setting: 'alarmTopicArn', read: topic },
  encryptionKey: { setting: 'encryptionKeyArn', read: key },
  previousEncryptionKeys: { setting: 'previousEncryptionKeyArns', read: keys },
  existingSigningKeys: { setting: 'signingKeyArns', read: keysByName },
  permissionsBoundary: {
    setting: 'permissionsBoundaryArn',
    read: attribute('managedPolicyArn', 'a managed policy of CDK (iam.IManagedPolicy)'),
  },
};

export const ofVaultMadeWith: Alternatives = { encryptionKey: { setting: 'encryptionKeyArn', read: key } };

export const ofDomain: Alternatives = {
  certificate: {
    setting: 'certificateArn',
    read: attribute('certificateArn', 'a certificate of CDK (acm.ICertificate)'),
  },
  hostedZone: {
    setting: 'hostedZoneId',
    read: attribute('hostedZoneId', 'a hosted zone of CDK (route53.IHostedZone)'),
  },
};

export const ofControlPlane: Alternatives = {
  clusterCertificateSecret: { setting: 'clusterCertificateSecretArn', read: secret },
  proxySecret: { setting: 'proxySecretArn', read: secret },
  eventHookSecret: { setting: 'eventHookSecretArn', read: secret },
};

/** Settings as text, and what was wrong with the constructs that were given. */
export class GivenConstructs {
  readonly mistakes: Mistake[] = [];
  /** Paths of properties by those of the settings that were read from them. */
  readonly #properties: (readonly [setting: string, property: string])[] = [];

  /** Puts the settings in the place of what was given for them. */
  read(given: unknown, alternatives: Alternatives, path = ''): unknown {
    if (typeof given !== 'object' || given === null || Array.isArray(given)) {
      return given;
    }
    const text: Record<string, unknown> = { ...given };
    for (const [property, { setting, read }] of Object.entries(alternatives)) {
      const value = text[property];
      delete text[property];
      if (value !== undefined) {
        this.note(`${path}${setting}`, `${path}${property}`);
        if (text[setting] !== undefined) {
          this.refuse(`${path}${property}`, `${setting} says the same: keep one of them`);
        }
        const found = read(value);
        if ('mistake' in found) {
          this.refuse(
            `${path}${property}`,
            typeof value === 'string' || typeof value === 'number'
              ? `${found.mistake}: as text or number it is ${setting}`
              : found.mistake,
          );
        } else {
          text[setting] = found.value;
        }
      }
    }
    return text;
  }

  note(setting: string, property: string): void {
    this.#properties.push([setting, property]);
  }

  refuse(path: string, sentence: string): void {
    this.mistakes.push({ path, sentence });
  }

  /** Names a mistake by the property that was given. */
  nameProperty({ path, sentence }: Mistake): Mistake {
    const [from, to] = this.#properties.find(
      ([setting]) => path === setting || path.startsWith(`${setting}.`),
    ) ?? ['', ''];
    return { path: `${to}${path.slice(from.length)}`, sentence };
  }
}
