import type { ClientRequestArgs } from 'node:http';
import { Agent } from 'node:https';
import { isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Clock } from '../clock.ts';
import { openTunnel } from '../proxy-tunnel.ts';
import type { Network } from './network.ts';

/** A proxy that is silent would keep the process from ending. */
const proxyTimeoutMs = 10_000;

type Connect = Agent['createConnection'];

/** Connects the AWS SDK as `fetchOver` does: by the proxies, and trusting the CAs, of a network. */
export function sdkAgent(network: Network, clock: Clock): Agent {
  return new NetworkAgent(network, clock);
}

class NetworkAgent extends Agent {
  readonly #network: Network;
  readonly #clock: Clock;

  constructor(network: Network, clock: Clock) {
    const { secureContext } = network;
    super(secureContext === undefined ? {} : { secureContext });
    this.#network = network;
    this.#clock = clock;
  }

  override createConnection(
    options: Parameters<Connect>[0],
    done: Parameters<Connect>[1],
  ): ReturnType<Connect> {
    const tunnel = this.#openTunnel(options);
    if (tunnel === undefined) {
      return super.createConnection(options, done);
    }
    tunnel.then(
      // Node's own agent passes what it has been given in the same way.
      (socket) => done?.(null, connectTls({ ...(options as object), socket })),
      (error: Error) => done?.(error, undefined as never),
    );
    return undefined;
  }

  /** @returns undefined where no proxy leads there */
  #openTunnel({ host, port }: ClientRequestArgs): Promise<Socket> | undefined {
    const { findProxy, secureContext } = this.#network;
    const name = host ?? 'localhost';
    const authority = `${isIP(name) === 6 ? `[${name}]` : name}:${port ?? 443}`;
    const proxy = findProxy(new URL(`https://${authority}`));
    if (proxy === undefined) {
      return undefined;
    }
    const { url, credentials } = proxy;
    const signal = this.#clock.deadline(proxyTimeoutMs);
    return openTunnel(authority, { proxy: url, credentials, secureContext, signal });
  }
}
