/** Values that nobody knows yet: those of a deployment, and those that CDK is still to look up. */
import { Lazy, Token } from 'aws-cdk-lib';

const pendingHint = 'pending-lookup';

/**
 * What CDK knows only when it deploys, such as the id of a VPC of the same app, is known to be of the right
 * kind there (CDK Developer Guide, "Tokens").
 */
export const isToken = (given: string) => given.includes('${Token[');

/** A list of which nobody knows how long it is, such as what `Fn.split` makes. */
export const isListToken = (given: unknown) =>
  Array.isArray(given) && given.some((each) => typeof each === 'string' && each.startsWith('#{Token['));

export const isNumberToken = (given: number) => Token.isUnresolved(given);

/** Why a certificate or a key cannot be one of those. */
export const unknownPem =
  'it is read at synth, so it must be known there: give the text itself, or look it up with valueFromLookup';

/** Whether CDK will know it in the next pass of this synth. */
export const isPendingLookup = (given: string) => given.includes(`\${Token[${pendingHint}.`);

/**
 * What a look-up gives as long as it is not made: `Vpc.fromLookup`, `SecurityGroup.fromLookupById`,
 * `HostedZone.fromLookup` (aws-cdk-lib: aws-ec2/lib/vpc.ts, aws-route53/lib/hosted-zone.ts,
 * core/lib/stack.ts).
 */
const placeholder = /^(vpc-12345|[a-z]-(12345|67890)|rtb-\d{5}[a-z]|sg-12345678|dummy\d[a-z]|DUMMY)$/;
/** `StringParameter.valueFromLookup` (aws-ssm/lib/parameter.ts), also as a part of a text. */
const parameterPlaceholder = 'dummy-value-for-';

/**
 * Makes tokens of what CDK is still to look up. It runs the app once, sees there what it has to look up, and
 * runs it again with what it has found. An app that ends at a placeholder is never told more.
 */
export function markPendingLookups(given: unknown): unknown {
  if (typeof given === 'string') {
    return placeholder.test(given) || given.includes(parameterPlaceholder)
      ? Lazy.string({ produce: () => given }, { displayHint: pendingHint })
      : given;
  }
  if (Array.isArray(given)) {
    return given.map(markPendingLookups);
  }
  return isPlain(given)
    ? Object.fromEntries(Object.entries(given).map(([name, value]) => [name, markPendingLookups(value)]))
    : given;
}

/** An object of the settings, or of a class that has nothing but settings; no construct, which has a tree. */
function isPlain(given: unknown): given is object {
  return typeof given === 'object' && given !== null && !('node' in given);
}
