import { CodedError } from '../coded-error.ts';

/**
 * - `conflict`: another exporter published in between, several times.
 * - `denied`: the vault or a key refused the request.
 * - `unavailable`: the vault or a key did not answer as it should.
 * - `not-versioned`: the bucket keeps no versions, so that a write would destroy what is there.
 * - `manifest`: a manifest is not what it must be.
 * - `status`: a status is not what it must be.
 */
export type VaultErrorCode = 'conflict' | 'denied' | 'unavailable' | 'not-versioned' | 'manifest' | 'status';

/** The vault was not changed. */
export class VaultError extends CodedError<VaultErrorCode> {
  override readonly name: string = 'VaultError';
}

/** The file changed between reading and writing: read it again and decide anew. */
export class RevisionConflict extends VaultError {
  override readonly name = 'RevisionConflict';

  constructor(key: string, options?: ErrorOptions) {
    super('conflict', `another exporter published ${key} at the same time`, options);
  }
}
