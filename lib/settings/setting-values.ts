/** Schemas of single settings, each with the sentence that refuses a wrong value. */
import { isIPv6 } from 'node:net';
import * as v from 'valibot';
import { findClosest } from '../../core/closest-name.ts';
import { kongVersion } from '../../core/names.ts';
import { isListToken, isNumberToken, isToken } from './unknown-values.ts';

export const wholeNumberSchema = (from: number, to: number, unit: string) =>
  v.pipe(
    v.number(`a number of ${unit} from ${from} to ${to} is expected`),
    v.check((given) => !isNumberToken(given), `a number of ${unit} is expected that is known at synth`),
    v.check(
      (given) => isNumberToken(given) || Number.isInteger(given),
      `a whole number of ${unit} is expected`,
    ),
    v.check((given) => isNumberToken(given) || given >= from, `at least ${from} ${unit} are expected`),
    v.maxValue(to, `at most ${to} ${unit} are allowed`),
  );

/** An object that refuses an unknown setting with the names of those that exist. */
export const sectionSchema = <const Entries extends v.ObjectEntries>(entries: Entries) =>
  v.strictObject(entries, (issue) => {
    if (issue.expected === 'never') {
      const known = Object.keys(entries);
      const closest = findClosest(String(issue.input), known);
      const advice = closest === undefined ? 'remove it' : `did you mean ${closest}? Otherwise remove it`;
      return `there is no such setting here: ${advice}, or choose one of ${known.join(', ')}`;
    }
    return issue.received === 'undefined'
      ? 'this setting is missing and has no default: add it'
      : 'an object with settings is expected, in braces';
  });

export const listSchema = <const Item extends v.GenericSchema<string>>(item: Item, things: string) =>
  v.pipe(
    v.custom<v.InferInput<Item>[]>(
      (given) => !isListToken(given),
      `a list of ${things} is expected whose length is known at synth: take each one with Fn.select`,
    ),
    v.array(item, `a list of ${things} is expected, in brackets`),
  );

export const textSchema = (pattern: RegExp, expectation: string) =>
  v.pipe(
    v.string(expectation),
    v.check((given) => isToken(given) || pattern.test(given), expectation),
  );

/**
 * An ARN, by the sources of two patterns: of what follows the partition, and of the resource. Tokens mostly
 * stand for partition, region and account; the resource is checked where none is in it.
 */
function arnSchema(place: string, resource: string, expectation: string) {
  const whole = new RegExp(`^arn:aws[a-z-]*:${place}:${resource}$`);
  const resourceAlone = new RegExp(`^${resource}$`);
  return v.pipe(
    v.string(expectation),
    v.check((given) => {
      const [, literal] = /^arn(?::[^:]*){4}:(.*)$/.exec(given) ?? [];
      return isToken(given)
        ? literal === undefined || isToken(literal) || resourceAlone.test(literal)
        : whole.test(given);
    }, expectation),
  );
}

// The complete ARN, with the six characters that Secrets Manager appends: a policy with a shorter one allows
// nothing.
export const secretArnSchema = arnSchema(
  'secretsmanager:[a-z0-9-]+:\\d{12}',
  'secret:[\\w/+=.@-]+-[A-Za-z0-9]{6}',
  'the complete ARN of a secret is expected, for example ' +
    '"arn:aws:secretsmanager:eu-central-1:111122223333:secret:name-AbCdEf"',
);

// CloudWatch alarms notify standard topics only.
export const topicArnSchema = arnSchema(
  'sns:[a-z0-9-]+:\\d{12}',
  '[\\w-]{1,256}',
  'the ARN of a standard SNS topic is expected, for example "arn:aws:sns:eu-central-1:111122223333:on-call"',
);

export const pageUrlSchema = textSchema(
  /^https:\/\/[^\s/?#]+\/[^\s#]*$/,
  'the https:// URL of a page is expected, without a #, for example "https://wiki.example.com/lifeboat/runbook"',
);

export const roleArnSchema = arnSchema(
  'iam::\\d{12}',
  'role/[\\w+=,.@/-]+',
  'the ARN of a role is expected, for example "arn:aws:iam::111122223333:role/break-glass"',
);

export const managedPolicyArnSchema = arnSchema(
  'iam::(\\d{12}|aws)',
  'policy/[\\w+=,.@/-]+',
  'the ARN of a managed policy is expected, for example "arn:aws:iam::111122223333:policy/boundary"',
);

// The key's own ARN: the bucket policy compares it with the key of each PUT, and an alias can be moved to
// another key.
export const keyArnSchema = arnSchema(
  'kms:[a-z0-9-]+:\\d{12}',
  'key/(mrk-[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})',
  'the ARN of a KMS key is expected, not of an alias, for example ' +
    '"arn:aws:kms:eu-central-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef"',
);

// S3 User Guide, "General purpose bucket naming rules"; without dots, which no wildcard certificate covers.
export const bucketNameSchema = textSchema(
  /^(?!xn--|sthree-|amzn-s3-demo-)(?!.*(-s3alias|--ol-s3|--x-s3|--table-s3)$)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/,
  'the name of a bucket is expected: 3 to 63 characters out of a-z, 0-9 and "-", for example "example-lifeboat"',
);

export const certificateArnSchema = arnSchema(
  'acm:[a-z0-9-]+:\\d{12}',
  'certificate/[\\w-]+',
  'the ARN of a certificate in ACM is expected, for example ' +
    '"arn:aws:acm:eu-central-1:111122223333:certificate/01234567-89ab-cdef-0123-456789abcdef"',
);

const tagCharacters = 'letters, digits, spaces and _ . : / = + - @';
const tagsExpected = 'an object is expected, with the value of each tag by its key';
export const tagsSchema = v.pipe(
  v.custom<Record<string, unknown>>((given) => !Array.isArray(given), tagsExpected),
  v.record(
    v.pipe(
      v.string(),
      v.regex(
        /^[\p{L}\p{N} _.:/=+@-]{1,128}$/u,
        `the key of a tag has 1 to 128 characters: ${tagCharacters}`,
      ),
      v.regex(/^(?!aws:)/i, 'keys that begin with "aws:" are reserved by AWS: choose another one'),
      v.notValue('application', 'Lifeboat sets this tag itself: choose another key'),
    ),
    textSchema(
      /^[\p{L}\p{N} _.:/=+@-]{0,256}$/u,
      `the value of a tag has up to 256 characters, in quotes: ${tagCharacters}`,
    ),
    tagsExpected,
  ),
  // S3 and IAM take 50, of which one is ours, and CloudFormation adds three.
  v.check((all) => Object.keys(all).length <= 45, 'at most 45 tags are allowed'),
);

export const trustedPrincipalSchema = textSchema(
  /^(\d{12}|arn:aws[a-z-]*:iam::\d{12}:(role|user)\/[\w+=,.@/-]+)$/,
  'the number of an account, in quotes, or the ARN of a role or user is expected, for example "111122223333" or ' +
    '"arn:aws:iam::111122223333:role/data-plane"',
);

const endpointExpected =
  'host and port of the cluster_listen are expected, without a scheme, for example "kong-cp.example.com:8005"';

export const clusterEndpointSchema = v.pipe(
  v.string(endpointExpected),
  v.check((given) => isToken(given) || isHostAndPort(given), endpointExpected),
);

function isHostAndPort(given: string): boolean {
  const [, address, port] =
    /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[([0-9a-fA-F:]+)\]):(\d{1,5})$/.exec(given) ?? [];
  return (
    port !== undefined &&
    Number(port) >= 1 &&
    Number(port) <= 65_535 &&
    (address === undefined || isIPv6(address))
  );
}

const proxyExpected =
  'the http:// or https:// URL of a forward proxy is expected, with host and port alone, for example "http://proxy.example.com:3128"';

export const proxyServerSchema = v.pipe(
  v.string(proxyExpected),
  // It would stand in the template and in the function's environment, for many to read. It is not repeated.
  v.check(
    (given) => !given.includes('@'),
    'it has a user or a password in it, which others would read in the template: put them into a secret, and name that in proxySecretArn',
  ),
  v.check((given) => isToken(given) || given.includes('@') || isProxyUrl(given), proxyExpected),
);

function isProxyUrl(given: string): boolean {
  if (!/^https?:\/\/[^\s/?#]+\/?$/.test(given) || !URL.canParse(given)) {
    return false;
  }
  return isHostAndPort(given.replace(/^https?:\/\//, '').replace(/\/$/, ''));
}

export const pluginNameSchema = textSchema(
  /^[A-Za-z0-9_-]{1,64}$/,
  'the name of a plugin is expected, without a version, for example "my-plugin"',
);

// Kong takes it from the filter's file, `<name>.wasm`.
export const wasmFilterSchema = textSchema(
  /^(?!.*\.wasm$)[A-Za-z0-9_.-]{1,64}$/,
  'the name of a filter is expected, which is its file without ".wasm", for example "my-filter"',
);

/** A list of names in which none may stand twice. */
export const namesSchema = <const Item extends v.GenericSchema<string>>(
  item: Item,
  things: string,
  twice: string,
) =>
  v.pipe(
    listSchema(item, things),
    v.check((names) => new Set(names).size === names.length, twice),
  );

export const dataPlaneVersionSchema = v.pipe(
  v.string('a full Kong version is expected, in quotes, for example "3.9.1"'),
  v.rawCheck(({ dataset, addIssue }) => {
    if (dataset.typed && !isToken(dataset.value)) {
      for (const { message } of v.safeParse(kongVersion, dataset.value).issues ?? []) {
        addIssue({ message });
      }
    }
  }),
);

// Commas separate them in the function's environment.
export const commonNameSchema = textSchema(
  /^[^\p{Cc},]{1,64}$/u,
  'a common name is expected: 1 to 64 characters without a comma, for example "data-plane"',
);

export const awsRegionSchema = textSchema(
  /^[a-z]{2,4}(-[a-z]+)+-\d$/,
  'the name of an AWS region is expected, for example "eu-west-1"',
);
