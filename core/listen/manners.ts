import type { PluginVersions } from '../kong/control-plane.ts';
import { ControlPlaneError, type ControlPlaneErrorCode } from '../kong/errors.ts';
import { compareVersions } from '../kong/version-choice.ts';

/** As which data plane the listener comes. */
export interface Manner {
  readonly version: string;
  readonly pluginVersions: PluginVersions;
}

const sayNothingOfManners: ReadonlySet<ControlPlaneErrorCode> = new Set([
  'unreachable',
  'dropped',
  'no-secret',
  'cancelled',
]);

/**
 * Ways to come to a control plane, best first: as the newest of the data planes, for which there is the least
 * to convert, and with the plugins' versions, without which the control plane logs a line for each. A control
 * plane that sends nothing does not say why to us, so the next way is tried, and what works is remembered.
 */
export class Manners {
  readonly #all: readonly Manner[];
  #at = 0;

  constructor(dataPlaneVersions: readonly string[]) {
    this.#all = [...dataPlaneVersions]
      .sort((one, other) => compareVersions(other, one))
      .flatMap((version) =>
        (['named', 'omitted'] as const).map((pluginVersions) => ({ version, pluginVersions })),
      );
  }

  /** @throws Error when there are no versions */
  get current(): Manner {
    const manner = this.#all[this.#at];
    if (manner === undefined) {
      throw new Error('there is no data-plane version to listen as');
    }
    return manner;
  }

  /** After the control plane has sent nothing. Where it is away no other way would do either. */
  nextAfter(error: unknown): void {
    if (!(error instanceof ControlPlaneError) || sayNothingOfManners.has(error.code)) {
      return;
    }
    const { version } = this.current;
    // Whatever it says of plugins, a version that is not served is one more error in the control plane's log.
    const isUseless = (manner: Manner) => error.code === 'incompatible' && manner.version === version;
    const next = [...this.#all.slice(this.#at + 1), ...this.#all].findIndex((manner) => !isUseless(manner));
    this.#at = (this.#at + 1 + Math.max(0, next)) % this.#all.length;
  }
}
