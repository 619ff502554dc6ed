/** What the vault was made with, and what another setting would do to a vault that is there. */
import * as v from 'valibot';
import { bucketNameSchema, keyArnSchema, sectionSchema } from './setting-values.ts';

/**
 * Synth does not see what is deployed. So what CloudFormation can only give to a new bucket stands twice in
 * the settings: one line that is changed by chance is refused.
 */
export const vaultMadeWithSchema = sectionSchema({
  /** Default: CloudFormation made the name. */
  bucketName: v.optional(bucketNameSchema),
  /** `later`: it was switched on in S3 itself, and CloudFormation knows nothing of it. */
  objectLock: v.optional(v.union([v.boolean(), v.literal('later')], 'true, false or "later" is expected')),
  /** What everything that is kept can be decrypted with. Default: the key that the stack makes. */
  encryptionKeyArn: v.optional(keyArnSchema),
});

interface VaultFacts {
  readonly bucketName?: string | undefined;
  readonly objectLockDays: number;
  readonly encryptionKeyArn?: string | undefined;
  readonly previousEncryptionKeyArns: readonly string[];
  readonly vaultMadeWith: v.InferOutput<typeof vaultMadeWithSchema>;
}

const page = 'docs/settings.md, "What a running vault keeps"';
const empty =
  'CloudFormation would make a second, empty bucket, and new data planes would find nothing until the next export';

export function keepsItsName({ bucketName, vaultMadeWith }: VaultFacts): boolean {
  return bucketName === vaultMadeWith.bucketName;
}

export function refuseName({ bucketName, vaultMadeWith }: VaultFacts): string {
  return vaultMadeWith.bucketName === undefined
    ? `a vault that is there cannot be given another name: ${empty}. Where the vault has this name, because it is new, adopted, or deployed with it before, keep it and add "vaultMadeWith": {"bucketName": "${bucketName}"}. Otherwise remove it (${page})`
    : `the vault was made with the name "${vaultMadeWith.bucketName}": ${empty}. Set it to that name, or change vaultMadeWith.bucketName too if you want an empty vault (${page})`;
}

export function canLock({ objectLockDays, vaultMadeWith }: VaultFacts): boolean {
  return objectLockDays === 0 || (vaultMadeWith.objectLock ?? false) !== false;
}

export const refuseLock = `CloudFormation gives Object Lock to a new bucket alone: ${empty}. Where the vault is new, or Lifeboat 0.1.0 deployed it with objectLockDays, keep it and add "vaultMadeWith": {"objectLock": true}. Where it is there without Object Lock, docs/settings.md, "Locked versions", says how to switch it on`;

export function canDecrypt({
  encryptionKeyArn,
  previousEncryptionKeyArns,
  vaultMadeWith,
}: VaultFacts): boolean {
  if (encryptionKeyArn === vaultMadeWith.encryptionKeyArn) {
    return true;
  }
  return vaultMadeWith.encryptionKeyArn === undefined
    ? // Nobody knows here what the key is called that the stack has made.
      previousEncryptionKeyArns.length > 0
    : previousEncryptionKeyArns.includes(vaultMadeWith.encryptionKeyArn);
}

export function refuseKey({ encryptionKeyArn, vaultMadeWith }: VaultFacts): string {
  const lost =
    'what is kept is under another key: new data planes would get nothing until the next export, and its history would be lost';
  return vaultMadeWith.encryptionKeyArn === undefined
    ? `in a vault that is there ${lost}. Name the key that encrypted before in previousEncryptionKeyArns (docs/runbook.md, "Changing the encryption key"). Where nothing is under another key, because the vault is new or was deployed with this one, keep it and add "vaultMadeWith": {"encryptionKeyArn": "${encryptionKeyArn}"} (${page})`
    : `${lost}. Name ${vaultMadeWith.encryptionKeyArn}, which vaultMadeWith has, in previousEncryptionKeyArns, or change vaultMadeWith.encryptionKeyArn once nothing is under it any more (${page})`;
}
