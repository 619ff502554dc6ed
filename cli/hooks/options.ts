import type { AdminApiOptions } from '../admin-api-options.ts';
import type { ApiOptions } from '../api-access.ts';

/** The value of the secret `HookSecret…`, where the stack does not say it. */
export const hookSecretVariable = 'LIFEBOAT_HOOK_SECRET';

export interface HookOptions extends ApiOptions, AdminApiOptions {
  readonly json?: true;
}

export interface InstallOptions extends HookOptions {
  readonly dryRun?: true;
  /** @default true */
  readonly sslVerify?: boolean;
}

export interface TestOptions extends HookOptions {
  readonly sha1?: true;
}
