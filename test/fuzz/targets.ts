import { assertionTarget, chainTarget } from './targets/chains.ts';
import { manifestTarget, statusTarget } from './targets/documents.ts';
import { frameTarget } from './targets/frames.ts';
import { hookTarget } from './targets/hooks.ts';
import { commandTarget, grantTarget, queryTarget } from './targets/requests.ts';
import { kongEnvTarget, settingsTarget } from './targets/settings.ts';

export const targets = [
  hookTarget,
  frameTarget,
  manifestTarget,
  statusTarget,
  assertionTarget,
  chainTarget,
  grantTarget,
  commandTarget,
  queryTarget,
  settingsTarget,
  kongEnvTarget,
];
