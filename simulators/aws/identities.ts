import { randomBytes } from 'node:crypto';

/** Who a request is from, and the credentials that prove it. */
export interface Identity {
  /** For example `arn:aws:iam::000000000000:role/export`. */
  readonly principalArn: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
}

/** The principals of the local AWS. They live as long as the process, like a role's temporary credentials. */
export interface Identities {
  /** Makes new credentials for a principal; earlier ones stay valid. */
  issue(principalArn: string): Identity;
  find(accessKeyId: string): Identity | undefined;
}

/** `ASIA` marks temporary credentials, which need a session token (IAM User Guide, "IAM identifiers"). */
function temporaryAccessKeyId(): string {
  const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  return `ASIA${Array.from(randomBytes(16), (byte) => base32.charAt(byte % 32)).join('')}`;
}

export function localIdentities(): Identities {
  const byAccessKeyId = new Map<string, Identity>();
  return {
    issue(principalArn) {
      const identity: Identity = {
        principalArn,
        accessKeyId: temporaryAccessKeyId(),
        secretAccessKey: randomBytes(30).toString('base64'),
        // '+', '/' and '=' as in real tokens: they show a query that was encoded wrongly.
        sessionToken: `local+/${randomBytes(64).toString('base64')}`,
      };
      byAccessKeyId.set(identity.accessKeyId, identity);
      return identity;
    },
    find: (accessKeyId) => byAccessKeyId.get(accessKeyId),
  };
}

/** The variables by which AWS SDKs take an identity's credentials. */
export function credentialVariables({ accessKeyId, secretAccessKey, sessionToken }: Identity) {
  return {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
  };
}
