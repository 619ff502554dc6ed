import type { Fetch, HttpResponse } from '../../core/fetch/http-client.ts';
import type { Machine } from '../engine/machine.ts';
import { type FleetPlan, wideThrottle } from '../fleet-plan.ts';
import type { Gateway } from '../ports/http.ts';
import type { InvariantName } from '../promises.ts';
import { bootDataPlane, type ClientOptions, fetchFile, standbyPolicy } from './data-plane.ts';
import type { Unit, World } from './world.ts';

export interface FleetOptions {
  readonly world: World;
  readonly unit: Unit;
  readonly plan: FleetPlan;
  readonly onLoaded: ClientOptions['onLoaded'];
  readonly violate: (invariant: InvariantName, detail: string) => void;
}

/** Not the client's own figure, so that a longer one is found. */
const toleratedSilenceMs = 2_000;
/** For Kong to answer, for standby's next look at it, and for Kong to load the file. */
const kongMs = 250 + 1_000 + 600;
/** Of those that are not throttled: Kong, `--after`, spread, silence of the first, and the calls. */
const promptMs = kongMs + standbyPolicy.afterMs + standbyPolicy.spreadMs + toleratedSilenceMs + 1_500;
/** Of the others: some tries, and what they are told to wait for. */
const throttledMs = 180_000;
/** Of a fleet that asks together nearly all ask in the same second. */
const stormShare = 0.85;
const slowAnswerMs = 6_000;

/** What became of a node of a fleet so far. */
export interface NodeOfFleet {
  /** From its start until Kong has the file. @default it has none yet */
  loadedAfterMs?: number;
  /** How often it asked for a grant. */
  requests: number;
  /** How often that was throttled, or the function had no room. */
  refusals: number;
}

/**
 * Boots data planes in the same moment, with standby beside them, or with a fetch before Kong starts.
 */
export function bootFleet({
  world,
  unit,
  plan,
  onLoaded,
  violate,
}: FleetOptions): readonly Readonly<NodeOfFleet>[] {
  const { timeline } = world;
  const gateway = new FleetGateway(world, plan, violate);
  const endpoints = hosts.slice(0, plan.endpoints).map((host) => new URL(`https://${host}`));
  const startedMs = timeline.nowMs;
  const nodes = Array.from({ length: plan.size }, (): NodeOfFleet => ({ requests: 0, refusals: 0 }));
  const isThrottled = plan.perSecond !== wideThrottle.perSecond;
  for (const [index, node] of nodes.entries()) {
    const name = `node ${index + 1} of the fleet of ${unit.name}`;
    const options = {
      ...{ world, unit, version: plan.version, name },
      onLoaded: (...loaded: Parameters<typeof onLoaded>) => {
        node.loadedAfterMs ??= timeline.nowMs - startedMs;
        world.count('fleet: has its file');
        onLoaded(...loaded);
      },
      way: {
        endpoints,
        gateway,
        watch: (fetch: Fetch, machine: Machine) => watchManners(countRefusals(fetch, node), machine, violate),
      },
    };
    if (plan.by === 'fetch') {
      fetchFile({ ...options, spreadMs: standbyPolicy.spreadMs });
    } else {
      bootDataPlane({ ...options, kongAnswersWithinMs: 250, onUndue: violate, onGivenUp: () => undefined });
    }
    const slowMs = plan.trouble === 'first is slow, second refuses' ? slowAnswerMs : 0;
    const limitMs = isThrottled ? throttledMs : promptMs + slowMs;
    timeline.plan(limitMs, `${name} should have its file`, () => {
      if (node.loadedAfterMs === undefined) {
        violate('each node of a fleet has its file soon', `${name} has none after ${limitMs / 1000} s`);
      }
    });
  }
  return nodes;
}

const hosts = ['api.example', 'api-2.example'] as const;

/** What stands before the functions of both regions; and whether the fleet storms it. */
class FleetGateway implements Gateway {
  readonly #world: World;
  readonly #plan: FleetPlan;
  readonly #violate: FleetOptions['violate'];
  readonly #buckets = new Map<string, { readonly tokens: number; readonly atMs: number }>();
  /** When each execution of an endpoint's function has answered. */
  readonly #busyUntilMs = new Map<string, number[]>();
  readonly #requestsMs = new Map<string, number[]>();

  constructor(world: World, plan: FleetPlan, violate: FleetOptions['violate']) {
    this.#world = world;
    this.#plan = plan;
    this.#violate = violate;
  }

  take(host: string): ReturnType<Gateway['take']> {
    this.#checkStorm(host);
    const { trouble, retryAfterSeconds } = this.#plan;
    const isFirst = host === hosts[0];
    if (!isFirst) {
      this.#world.count('fleet: second endpoint');
    }
    if (trouble === (isFirst ? 'first is silent' : 'second is silent')) {
      return { is: 'silent' };
    }
    if (!isFirst && trouble === 'first is slow, second refuses') {
      return { is: 'refused' };
    }
    if (!this.#takeToken(host)) {
      this.#world.count('fleet: throttled');
      return { is: 'throttled', retryAfterSeconds };
    }
    const answersAfterMs = this.#findExecution(host);
    if (answersAfterMs === undefined) {
      this.#world.count('fleet: no room');
      return { is: 'no room' };
    }
    const slowMs = isFirst && trouble.startsWith('first is slow') ? slowAnswerMs : 0;
    return { is: 'taken', answersAfterMs: answersAfterMs + slowMs };
  }

  /** @returns for how long it takes; undefined where each is busy, and there may be no further one */
  #findExecution(host: string): number | undefined {
    const { room } = this.#plan;
    if (room === undefined) {
      return 0;
    }
    const { nowMs } = this.#world.timeline;
    const busyUntilMs = this.#busyUntilMs.get(host) ?? [];
    this.#busyUntilMs.set(host, busyUntilMs);
    const free = busyUntilMs.findIndex((untilMs) => untilMs <= nowMs);
    if (free >= 0) {
      busyUntilMs[free] = nowMs + room.warmMs;
      return room.warmMs;
    }
    if (busyUntilMs.length >= room.executions) {
      return undefined;
    }
    busyUntilMs.push(nowMs + room.coldMs);
    return room.coldMs;
  }

  #takeToken(host: string): boolean {
    const { perSecond, burst } = this.#plan;
    const { nowMs } = this.#world.timeline;
    const { tokens, atMs } = this.#buckets.get(host) ?? { tokens: burst, atMs: nowMs };
    const left = Math.min(burst, tokens + ((nowMs - atMs) / 1000) * perSecond);
    this.#buckets.set(host, { tokens: left >= 1 ? left - 1 : left, atMs: nowMs });
    return left >= 1;
  }

  #checkStorm(host: string): void {
    const { nowMs } = this.#world.timeline;
    const recent = (this.#requestsMs.get(host) ?? []).filter((atMs) => atMs > nowMs - 1_000);
    recent.push(nowMs);
    this.#requestsMs.set(host, recent);
    if (recent.length > stormShare * this.#plan.size) {
      this.#violate(
        'a fleet does not ask all at once',
        `${recent.length} requests of ${this.#plan.size} nodes came to ${host} within a second`,
      );
    }
  }
}

function countRefusals(fetch: Fetch, node: NodeOfFleet): Fetch {
  return async (address, request) => {
    const isGrant = (hosts as readonly string[]).includes(new URL(address).host);
    node.requests += isGrant ? 1 : 0;
    const response = await fetch(address, request);
    node.refusals += isGrant && (response.status === 429 || response.status === 503) ? 1 : 0;
    return response;
  };
}

/** Sees that a node leaves those alone who have asked for it, and downloads one file at a time. */
function watchManners(fetch: Fetch, { clock, name }: Machine, violate: FleetOptions['violate']): Fetch {
  const aloneUntilMs = new Map<string, number>();
  let downloads = 0;
  return async (address, request) => {
    const { host, pathname } = new URL(address);
    const isFile = pathname.endsWith('/config.json');
    if (clock.monotonicMs() < (aloneUntilMs.get(host) ?? 0)) {
      violate(
        'a data plane waits for as long as it is asked to',
        `${name} has asked ${host} before its time`,
      );
    }
    downloads += isFile ? 1 : 0;
    if (downloads > 1) {
      violate('a data plane downloads one file at a time', `${name} downloads ${downloads} at once`);
    }
    const end = () => {
      downloads = isFile ? 0 : downloads;
    };
    const response = await fetch(address, request).catch((error: unknown) => {
      end();
      throw error;
    });
    const askedSeconds = Number(response.headers.get('retry-after') ?? 0);
    const askedMs = Math.min(askedSeconds * 1000, standbyPolicy.slowPauseMs);
    aloneUntilMs.set(host, clock.monotonicMs() + askedMs);
    return whenRead(response, end);
  };
}

function whenRead(response: HttpResponse, end: () => void): HttpResponse {
  return {
    ...response,
    body: {
      async *[Symbol.asyncIterator]() {
        try {
          yield* response.body;
        } finally {
          end();
        }
      },
    },
    discard: () => {
      end();
      response.discard();
    },
  };
}
