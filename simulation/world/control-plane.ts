import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { SeededRandom } from '../engine/random.ts';
import type { Timeline } from '../engine/timeline.ts';

/** What people have configured at some moment. */
export interface Content {
  /** Names it: no two contents of a history share it. */
  readonly id: string;
  readonly services: number;
  /** Their user names. @default none */
  readonly consumers?: readonly string[];
  /** Number of the database that it stands in. */
  readonly database: number;
}

/** What a node serves: the payload that it built last. */
export interface Payload {
  readonly content: Content;
  readonly builtMs: number;
}

export interface ControlPlaneNode {
  payload: Payload | undefined;
  /** Told when it has another payload, and when it goes down. */
  readonly listeners: Set<() => void>;
  /** Its clock against the true time. */
  clockOffsetMs: number;
  /** By how much it sees changes later than the first node. */
  lagMs: number;
  isDown: boolean;
  /** Whether what it sends comes in small pieces, and never as a whole: the way to it is nearly dead. */
  isTrickling: boolean;
  cancelRebuild: () => void;
}

export interface ControlPlaneWorldOptions {
  readonly name: string;
  readonly timeline: Timeline;
  readonly random: SeededRandom;
  readonly nodes: number;
}

/** Kong rebuilds at most so often (db_update_frequency; docs/kong.md#the-cluster-endpoint). */
const rebuildMs = 5_000;

/**
 * A control plane of several nodes before one database. Which node answers a connection is chance. A node
 * serves the payload that it has, and rebuilds it some time after a change.
 */
export class ControlPlaneWorld {
  readonly name: string;
  /** What is configured now. */
  content: Content;
  /** When that was changed last. */
  changedMs: number;
  /** Every content that a node has served, by its id. */
  readonly served = new Map<string, Content>();
  isDatabaseDown = false;
  /** Since when no node has answered; undefined while one does. */
  awaySinceMs: number | undefined;
  readonly nodes: ControlPlaneNode[];
  readonly #timeline: Timeline;
  readonly #random: SeededRandom;
  #changes = 0;

  constructor({ name, timeline, random, nodes }: ControlPlaneWorldOptions) {
    this.name = name;
    this.#timeline = timeline;
    this.#random = random;
    this.content = { id: `${name}-0`, services: 3, database: 0 };
    this.changedMs = timeline.nowMs;
    this.nodes = Array.from({ length: nodes }, (_, index) => ({
      payload: undefined,
      listeners: new Set(),
      clockOffsetMs: 0,
      lagMs: index * 1_750,
      isDown: false,
      isTrickling: false,
      cancelRebuild: () => undefined,
    }));
    for (const node of this.nodes) {
      this.#rebuild(node);
    }
  }

  /** When the newest payload was built that can be had now; undefined where none can. */
  newestServedMs(): number | undefined {
    const built = this.nodes.flatMap((node) => findServed(node)?.builtMs ?? []);
    return built.length === 0 ? undefined : Math.max(...built);
  }

  /** Whether all nodes that answer serve what is configured. */
  isServingContent(): boolean {
    const up = this.nodes.filter(({ isDown }) => !isDown);
    return up.length > 0 && up.every(({ payload }) => payload?.content.id === this.content.id);
  }

  /** The hash that it serves once it has rebuilt its payload. */
  get contentHash(): string {
    return hashContent(this.content);
  }

  /** Somebody changes the configuration. */
  change(services = this.content.services): void {
    this.#changes += 1;
    const { database } = this.content;
    this.setContent({ id: `${this.name}-${this.#changes}`, services, database });
  }

  /** Another database takes the place of this one, with as much in it. */
  replaceDatabase(): void {
    this.#changes += 1;
    const { services, database } = this.content;
    this.setContent({ id: `${this.name}-${this.#changes}`, services, database: database + 1 });
  }

  /** Another content stands in the database: after a change, a restore, or another database. */
  setContent(content: Content): void {
    this.content = content;
    this.changedMs = this.#timeline.nowMs;
    this.nodes.forEach((node, index) => {
      node.cancelRebuild();
      const delayMs = this.#random.pickNumber(250, rebuildMs) + node.lagMs;
      node.cancelRebuild = this.#timeline.plan(delayMs, `${this.name} node ${index} rebuilds`, () =>
        this.#rebuild(node),
      );
    });
  }

  stop(index: number): void {
    const node = this.nodes[index];
    if (node !== undefined) {
      node.isDown = true;
      if (this.nodes.every(({ isDown }) => isDown)) {
        this.awaySinceMs ??= this.#timeline.nowMs;
      }
      tellListeners(node);
    }
  }

  /** A node comes up again, with what the database has, or with what its replica has that lags behind. */
  restart(index: number): void {
    const node = this.nodes[index];
    if (node !== undefined) {
      node.isDown = false;
      this.awaySinceMs = undefined;
      if (node.lagMs < rebuildMs) {
        node.payload = undefined;
      }
      if (node.payload === undefined) {
        this.#rebuild(node);
      }
    }
  }

  /** What a node sends comes in small pieces only, or as a whole again. */
  setTrickling(index: number, isTrickling: boolean): void {
    const node = this.nodes[index];
    if (node !== undefined) {
      node.isTrickling = isTrickling;
      tellListeners(node);
    }
  }

  /** The node that answers a new connection; undefined when none does. */
  answeringNode(): ControlPlaneNode | undefined {
    const up = this.nodes.filter(({ isDown }) => !isDown);
    return up.length === 0 ? undefined : this.#random.pickOne(up);
  }

  #rebuild(node: ControlPlaneNode): void {
    if (this.isDatabaseDown || node.isDown) {
      return;
    }
    if (node.payload?.content.id !== this.content.id) {
      node.payload = { content: this.content, builtMs: this.#timeline.nowMs + node.clockOffsetMs };
      this.served.set(this.content.id, this.content);
      tellListeners(node);
    }
  }
}

/** The payload that a node's clients get; undefined where none gets one. */
export function findServed({ isDown, isTrickling, payload }: ControlPlaneNode): Payload | undefined {
  return isDown || isTrickling ? undefined : payload;
}

function tellListeners(node: ControlPlaneNode): void {
  for (const listener of [...node.listeners]) {
    listener();
  }
}

/** The control plane's hash of a content: the same for all data-plane versions. */
export function hashContent(content: Content): string {
  return createHash('md5').update(JSON.stringify(content)).digest('hex');
}

/** The frame of a payload for a data-plane version, as the cluster endpoint sends it. */
export function makeFrame({ content, builtMs }: Payload, controlPlane: string, version: string): Uint8Array {
  return gzipSync(
    JSON.stringify({
      type: 'reconfigure',
      timestamp: builtMs / 1000,
      config_table: makeTable(content, controlPlane, version),
      config_hash: hashContent(content),
      hashes: {},
    }),
  );
}

/** Who made a table, and for whom: read back from what a data plane has got. */
export interface Origin {
  readonly controlPlane: string;
  readonly version: string;
  readonly contentId: string;
  /** Of the database that it was read from. */
  readonly clusterId: string;
}

function makeTable(content: Content, controlPlane: string, version: string) {
  const origin = `${controlPlane}/${version}/${content.id}`;
  return {
    _format_version: '3.0',
    _transform: false,
    workspaces: [{ id: '00000000-0000-4000-8000-000000000000', name: 'default' }],
    parameters: [
      { key: 'cluster_id', value: nameDatabase(controlPlane, content) },
      { key: 'origin', value: origin },
    ],
    consumers: (content.consumers ?? []).map((username) => ({ username })),
    services: Array.from({ length: content.services }, (_, index) => ({
      id: `00000000-0000-4000-8000-${String(index + 1).padStart(12, '0')}`,
      name: `${origin}/${index}`,
    })),
  };
}

/** The `cluster_id` of what a control plane has. */
export function nameDatabase(controlPlane: string, { database }: Content): string {
  return `cluster ${database} of ${controlPlane}`;
}

/** @returns undefined for a file that no control plane of this world has made */
export function readOrigin(file: Uint8Array): Origin | undefined {
  try {
    const { parameters } = JSON.parse(Buffer.from(file).toString('utf8'));
    const [cluster, origin] = parameters;
    const [controlPlane, version, contentId] = String(origin.value).split('/');
    return controlPlane === undefined || version === undefined || contentId === undefined
      ? undefined
      : { controlPlane, version, contentId, clusterId: String(cluster.value) };
  } catch {
    return undefined;
  }
}
