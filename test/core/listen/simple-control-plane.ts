import type { Clock } from '../../../core/clock.ts';
import { ignoreErrors } from '../../../core/ignore-errors.ts';
import type { ClusterConnection } from '../../../core/kong/cluster-connection.ts';
import { ControlPlaneError } from '../../../core/kong/errors.ts';
import type { Manner } from '../../../core/listen/manners.ts';

/** How a control plane treats those who connect. */
export interface Treatment {
  /** Does not let it in. */
  readonly refuses?: (manner: Manner) => Error | undefined;
  /** Lets it in, and sends nothing. */
  readonly sendsNothing?: (manner: Manner) => boolean;
  /** Sends a frame without end, so many bytes in a second. */
  readonly bytesPerSecond?: number;
  /** Does not answer pings. */
  readonly isDeaf?: boolean;
}

/** A control plane with one listener, which sends its hash where a real one sends a frame. */
export interface SimpleControlPlane {
  readonly connect: (manner: Manner, signal: AbortSignal) => Promise<ClusterConnection>;
  treat(treatment: Treatment): void;
  /** Has another configuration from now on; undefined for one without a hash. */
  change(hash: string | undefined): void;
  /**
   * Ends the connections that there are.
   *
   * @param why what the client makes of it @default that it was dropped
   */
  hangUp(why?: ControlPlaneError): void;
  readonly manners: readonly Manner[];
  readonly pings: readonly { readonly hash: string; readonly atSeconds: number }[];
  connectionCount(): number;
  /** How many there were at once. */
  mostConnections(): number;
}

export function simpleControlPlane(clock: Clock, firstHash: string | undefined): SimpleControlPlane {
  let hash = firstHash;
  let treatment: Treatment = {};
  let most = 0;
  const manners: Manner[] = [];
  const pings: { hash: string; atSeconds: number }[] = [];
  const clients = new Set<Client>();
  const seconds = () => clock.monotonicMs() / 1000;

  return {
    manners,
    pings,
    connectionCount: () => clients.size,
    mostConnections: () => most,
    treat(next) {
      treatment = next;
    },
    change(next) {
      hash = next;
      for (const client of clients) {
        client.send(next);
      }
    },
    hangUp(why) {
      for (const client of [...clients]) {
        client.lose(why);
      }
    },
    async connect(manner, signal) {
      manners.push(manner);
      const refusal = treatment.refuses?.(manner);
      if (refusal !== undefined) {
        throw refusal;
      }
      signal.throwIfAborted();
      const client = new Client(clock, () => clients.delete(client), {
        bytesPerSecond: treatment.bytesPerSecond,
        onPing(configHash) {
          pings.push({ hash: configHash, atSeconds: seconds() });
          // An answer cannot come in the middle of a frame.
          return treatment.isDeaf !== true && treatment.bytesPerSecond === undefined;
        },
      });
      clients.add(client);
      most = Math.max(most, clients.size);
      if (treatment.sendsNothing?.(manner) !== true && treatment.bytesPerSecond === undefined) {
        client.send(hash);
      }
      return client;
    },
  };
}

interface ClientOptions {
  readonly bytesPerSecond: number | undefined;
  /** Whether it is answered. */
  readonly onPing: (hash: string) => boolean;
}

class Client implements ClusterConnection {
  readonly #clock: Clock;
  readonly #forget: () => void;
  readonly #options: ClientOptions;
  #unread: Uint8Array | undefined;
  #isLost = false;
  #whyLost: ControlPlaneError | undefined;
  #heardMs: number;
  #wake: () => void = () => undefined;

  constructor(clock: Clock, forget: () => void, options: ClientOptions) {
    this.#clock = clock;
    this.#forget = forget;
    this.#options = options;
    this.#heardMs = clock.monotonicMs();
  }

  send(hash: string | undefined): void {
    this.#unread = Buffer.from(hash ?? '');
    this.#heardMs = this.#clock.monotonicMs();
    this.#wake();
  }

  lose(why = new ControlPlaneError('unreachable', 'the control plane dropped the connection')): void {
    this.#isLost = true;
    this.#whyLost = why;
    this.#forget();
    this.#wake();
  }

  async nextFrame(waitMs: number, signal?: AbortSignal): Promise<Uint8Array | 'nothing' | 'lost'> {
    if (this.#unread === undefined && !this.#isLost && signal?.aborted !== true) {
      const over = new AbortController();
      const end = () => over.abort();
      signal?.addEventListener('abort', end);
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await Promise.race([woken, ignoreErrors(this.#clock.sleep(waitMs, over.signal))]);
      over.abort();
      signal?.removeEventListener('abort', end);
    }
    if (signal?.aborted === true) {
      throw new ControlPlaneError('cancelled', 'the time is over');
    }
    const frame = this.#unread;
    this.#unread = undefined;
    return frame ?? (this.#isLost ? 'lost' : 'nothing');
  }

  async arrival(): Promise<void> {
    throw new Error('a listener waits for frames');
  }

  whyLost(): ControlPlaneError {
    if (this.#whyLost === undefined) {
      throw new Error('it is not lost');
    }
    return this.#whyLost;
  }

  dropFrames(): void {
    this.#unread = undefined;
  }

  ping(configHash: string): void {
    if (this.#options.onPing(configHash)) {
      this.#heardMs = this.#clock.monotonicMs();
    }
  }

  silence() {
    const ms = this.#clock.monotonicMs() - this.#heardMs;
    return { ms, bytes: Math.floor((ms / 1000) * (this.#options.bytesPerSecond ?? 0)) };
  }

  async leave(): Promise<void> {
    this.#forget();
  }
}
