import type { ConfigVault } from '../../../core/vault/config-vault.ts';
import { VaultError } from '../../../core/vault/errors.ts';

export type SilentMethod = Exclude<keyof ConfigVault, 'within'>;

/**
 * A vault some of whose calls are done and never answered. As those of the real one they end with the signal
 * that the vault is bound to.
 *
 * @param hangs whether this call is not answered
 */
export function partlySilentVault(
  vault: ConfigVault,
  hangs: (method: SilentMethod) => boolean,
  signal?: AbortSignal,
): ConfigVault {
  const ask = async <Answer>(method: SilentMethod, answer: () => Promise<Answer>): Promise<Answer> => {
    if (signal?.aborted === true) {
      throw new VaultError('unavailable', 'no answer in time');
    }
    const answered = await answer();
    if (!hangs(method)) {
      return answered;
    }
    return new Promise((_, reject) => {
      const end = () => reject(new VaultError('unavailable', 'no answer in time'));
      // It may have ended while the call was done.
      if (signal?.aborted === true) {
        end();
      }
      signal?.addEventListener('abort', end);
    });
  };
  return {
    ...vault,
    current: (name) => ask('current', () => vault.current(name)),
    publish: (name, revision) => ask('publish', () => vault.publish(name, revision)),
    content: (name, versionId) => ask('content', () => vault.content(name, versionId)),
    version: (name, versionId) => ask('version', () => vault.version(name, versionId)),
    versionIds: (name, limit) => ask('versionIds', () => vault.versionIds(name, limit)),
    status: (controlPlane) => ask('status', () => vault.status(controlPlane)),
    putStatus: (...asked) => ask('putStatus', () => vault.putStatus(...asked)),
    within: (other) => partlySilentVault(vault, hangs, other),
  };
}
