import { createHmac } from 'node:crypto';
import { doorbell, type HookAnswer, type HookRequest } from '../../core/intake/doorbell.ts';
import { secretsManagerHookSecrets } from '../../core/intake/secrets-manager-hook-secrets.ts';
import { sqsExportRequests } from '../../core/intake/sqs-export-requests.ts';
import { Machine } from '../engine/machine.ts';
import { simulatedSecretsManager, simulatedSqs } from '../ports/services.ts';
import { coalescingWindowSeconds, type World, webhookTimeoutMs } from './world.ts';

/** The webhook function, and the control planes' hooks that call it. */
export class HookService {
  readonly #world: World;
  #container:
    | { readonly machine: Machine; readonly ring: (hook: HookRequest) => Promise<HookAnswer> }
    | undefined;
  #made = 0;

  constructor(world: World) {
    this.#world = world;
  }

  kill(): void {
    this.#container?.machine.die();
  }

  /** A control plane calls its hook; it never calls again for the same change. */
  deliver(controlPlane: string): void {
    const { ring, machine } = this.#findContainer();
    const cancelTimeout = machine.plan(webhookTimeoutMs, 'function times out', () => machine.die());
    const body = Buffer.from(JSON.stringify({ source: 'crud', event: 'services', operation: 'update' }));
    const [secret = ''] = this.#world.unit(controlPlane).hookSecrets;
    const signature = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
    ring({ controlPlane, contentType: 'application/json', signature, body }).then(
      (answer) => {
        cancelTimeout();
        this.#world.count(typeof answer === 'string' ? `hook ${answer}` : `hook ${answer.status}`);
        this.#world.shown.push(JSON.stringify(answer));
      },
      (error: unknown) => {
        cancelTimeout();
        this.#world.count('hook failed');
        this.#world.shown.push(String(error));
      },
    );
  }

  #findContainer() {
    if (this.#container?.machine.isAlive !== true) {
      this.#container = this.#makeContainer();
    }
    return this.#container;
  }

  #makeContainer() {
    const world = this.#world;
    this.#made += 1;
    const machine = new Machine(world.timeline, `webhook #${this.#made}`);
    const names = new Set(world.units.map(({ name }) => name));
    const findValue = (name: string, stage: string) =>
      world.unit(name).hookSecrets[stage === 'AWSCURRENT' ? 0 : 1];
    const ring = doorbell({
      isKnown: (name) => names.has(name),
      secrets: secretsManagerHookSecrets({
        secretsManager: simulatedSecretsManager(world, machine, findValue),
        secretIdOf: (name) => name,
        reportOddity: (_name, oddity) => world.shown.push(oddity),
        clock: machine.clock,
      }),
      requests: sqsExportRequests(
        simulatedSqs(world, machine, (name) => world.unit(name).queue),
        (name) => name,
        coalescingWindowSeconds,
      ),
      acceptSha1: false,
      clock: machine.clock,
    });
    return { machine, ring };
  }
}
