import type { HookSecrets } from '../../../core/intake/doorbell.ts';

export interface MemoryHookSecrets extends HookSecrets {
  rotate(controlPlane: string, value: string): void;
}

/** Hook secrets in memory: remembered until one does not fit, as those in Secrets Manager. */
export function memoryHookSecrets(): MemoryHookSecrets {
  const stored = new Map<string, readonly string[]>();
  const known = new Map<string, readonly string[]>();
  return {
    rotate(controlPlane, value) {
      stored.set(controlPlane, [value, ...(stored.get(controlPlane) ?? [])].slice(0, 2));
    },
    async secretsFor(controlPlane, afterMismatch) {
      const values = stored.get(controlPlane);
      if (values === undefined) {
        throw new Error(`there is no secret for ${controlPlane}`);
      }
      const remembered = known.get(controlPlane);
      if (remembered !== undefined && !afterMismatch) {
        return remembered;
      }
      known.set(controlPlane, values);
      return values;
    },
  };
}
