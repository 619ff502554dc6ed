import type { Action, HookFate } from './actions.ts';
import { type BucketAction, changeObject, putFileOfStranger } from './hand.ts';
import type { Invariants } from './invariants.ts';
import type { ControlPlaneWorld } from './world/control-plane.ts';
import { bootDataPlane, fetchFile } from './world/data-plane.ts';
import { ExportService } from './world/export-service.ts';
import { bootFleet } from './world/fleet.ts';
import { HookService } from './world/hook-service.ts';
import { scheduleMs, type Unit, type World } from './world/world.ts';

/** Long enough for a hook's window, the settle time, and the pace after an export before. */
const publishedAtOnceMs = 60_000;

export interface PlayerOptions {
  readonly world: World;
  readonly invariants: Invariants;
  /** Whether nothing but changes happens, so that each hook's change must be published at once. */
  readonly isCalm: boolean;
}

type ActionOf<Name extends Action['do']> = Extract<Action, { readonly do: Name }>;
type Performers = {
  readonly [Name in Exclude<Action['do'], BucketAction['do']>]: (action: ActionOf<Name>) => void;
};

/** Does to the world what the actions say. */
export class Player {
  readonly #world: World;
  readonly #invariants: Invariants;
  readonly #isCalm: boolean;
  readonly #exports: ReadonlyMap<string, ExportService>;
  readonly #hooks: HookService;
  readonly #skippedSchedules = new Set<string>();
  #booted = 0;
  readonly #performers: Performers = {
    change: (action) => this.#change(action),
    'break call': ({ fault }) => this.#world.faults.arm(fault),
    'break call for long': ({ fault }) => this.#world.faults.begin(fault),
    'mend call': ({ call }) => this.#world.faults.end(call),
    'stop node': ({ controlPlane, node }) => this.#find(controlPlane).stop(node),
    'start node': ({ controlPlane, node }) => this.#find(controlPlane).restart(node),
    'let node lag': (action) =>
      this.#changeNode(action, (node) => {
        node.lagMs = action.lagMs;
      }),
    'let frames trickle': ({ controlPlane, node }) => this.#find(controlPlane).setTrickling(node, true),
    'let frames flow': ({ controlPlane, node }) => this.#find(controlPlane).setTrickling(node, false),
    'set clock of node': (action) =>
      this.#changeNode(action, (node) => {
        node.clockOffsetMs = action.offsetMs;
      }),
    'lose database': ({ controlPlane }) => this.#setDatabase(controlPlane, true),
    'repair database': ({ controlPlane }) => this.#setDatabase(controlPlane, false),
    'empty database': ({ controlPlane }) => this.#find(controlPlane).change(0),
    'replace database': ({ controlPlane }) => this.#find(controlPlane).replaceDatabase(),
    'restore older database': ({ controlPlane }) => this.#restoreOlder(controlPlane),
    'export beside': ({ controlPlane }) => this.#exportBeside(controlPlane),
    'roll back': ({ controlPlane, version, by }) => this.#command('rollback', controlPlane, version, by),
    unpin: ({ controlPlane, version }) => this.#command('unpin', controlPlane, version, 0),
    'kill containers': () => this.#killContainers(),
    'rotate hook secret': ({ controlPlane }) => this.#rotateHookSecret(this.#world.unit(controlPlane)),
    'rotate signing key': () => {
      this.#world.signingKey = this.#world.keys.own[1] ?? this.#world.signingKey;
    },
    'boot data plane': (action) => this.#boot(action),
    'boot fleet': (action) => this.#bootFleet(action),
    'fetch file': (action) => this.#fetch(action),
    'suspend versioning': () => {
      this.#world.bucket.isVersioned = false;
    },
    'resume versioning': () => {
      this.#world.bucket.isVersioned = true;
    },
    'retire version': (action) => this.#setVersions(action),
    'add version': (action) => this.#setVersions(action),
    'skip schedule': ({ controlPlane }) => void this.#skippedSchedules.add(controlPlane),
  };

  constructor({ world, invariants, isCalm }: PlayerOptions) {
    this.#world = world;
    this.#invariants = invariants;
    this.#isCalm = isCalm;
    const checkTimeout: ConstructorParameters<typeof ExportService>[2] = ({ name }) => {
      invariants.violate('a function ends before its timeout', `${name} was ended by Lambda`);
    };
    this.#exports = new Map(
      world.units.map((unit) => [unit.name, new ExportService(world, unit, checkTimeout)]),
    );
    this.#hooks = new HookService(world);
  }

  /** The schedule asks for an export of each control plane, now and every five minutes. */
  beginSchedule(): void {
    const { timeline, units } = this.#world;
    for (const unit of units) {
      const ring = () => {
        if (!this.#skippedSchedules.delete(unit.name)) {
          const at = new Date(timeline.nowMs).toISOString();
          unit.queue.send(JSON.stringify({ command: 'export', version: 1, cause: 'schedule', at }), at);
        }
        timeline.plan(scheduleMs, `schedule of ${unit.name}`, ring);
      };
      timeline.plan(0, `schedule of ${unit.name}`, ring);
    }
  }

  /** Everything that was broken works again, and nothing more breaks. */
  endFaults(): void {
    const { faults, units, bucket } = this.#world;
    faults.disarm();
    bucket.isVersioned = true;
    for (const { controlPlane } of units) {
      controlPlane.isDatabaseDown = false;
      controlPlane.nodes.forEach((node, index) => {
        node.lagMs = 0;
        controlPlane.setTrickling(index, false);
        controlPlane.restart(index);
      });
    }
  }

  perform(action: Action): void {
    if ('key' in action) {
      this.#layHandOnBucket(action);
    } else {
      const performer = this.#performers[action.do] as (action: Action) => void;
      performer(action);
    }
  }

  #find(name: string): ControlPlaneWorld {
    return this.#world.unit(name).controlPlane;
  }

  #change({ controlPlane, services, hook }: ActionOf<'change'>): void {
    const unit = this.#world.unit(controlPlane);
    unit.controlPlane.change(services);
    this.#sendHook(controlPlane, hook);
    const { id } = unit.controlPlane.content;
    if (this.#isCalm && (hook === 'arrives' || hook === 'comes twice')) {
      this.#world.timeline.plan(publishedAtOnceMs, `${id} should be published`, () =>
        this.#invariants.checkPublished(unit, id),
      );
    }
  }

  #sendHook(controlPlane: string, fate: HookFate): void {
    const { timeline, random } = this.#world;
    const delaysMs = {
      arrives: [random.pickNumber(10, 500)],
      'is lost': [],
      'comes twice': [random.pickNumber(10, 500), random.pickNumber(500, 3_000)],
      'comes late': [random.pickNumber(10_000, 120_000)],
    }[fate];
    for (const delayMs of delaysMs) {
      timeline.plan(delayMs, `hook of ${controlPlane}`, () => this.#hooks.deliver(controlPlane));
    }
  }

  #changeNode(
    { controlPlane, node }: { readonly controlPlane: string; readonly node: number },
    change: (node: Unit['controlPlane']['nodes'][number]) => void,
  ): void {
    const found = this.#world.unit(controlPlane).controlPlane.nodes[node];
    if (found !== undefined) {
      change(found);
    }
  }

  #setDatabase(name: string, isDown: boolean): void {
    const { controlPlane } = this.#world.unit(name);
    controlPlane.isDatabaseDown = isDown;
    if (!isDown) {
      // The nodes see what was changed meanwhile.
      controlPlane.setContent(controlPlane.content);
    }
  }

  #restoreOlder(name: string): void {
    const { controlPlane } = this.#world.unit(name);
    const [older] = [...controlPlane.served.values()];
    if (older !== undefined && older.id !== controlPlane.content.id) {
      controlPlane.setContent(older);
    }
  }

  #exportBeside(name: string): void {
    const at = new Date(this.#world.timeline.nowMs).toISOString();
    this.#exports
      .get(name)
      ?.exportBeside(JSON.stringify({ command: 'export', version: 1, cause: 'manual', at }));
  }

  /** An operator sees what is current, and sends a command. */
  #command(name: 'rollback' | 'unpin', controlPlane: string, version: string, by: number): void {
    const sees = this.#invariants.newestRevision(`${controlPlane}/${version}/config.json`);
    if (sees !== undefined) {
      const more = name === 'rollback' ? { revision: Math.max(1, sees - by) } : {};
      this.#exports.get(controlPlane)?.command(name, { version, sees, reason: 'simulated', ...more });
    }
  }

  #killContainers(): void {
    this.#hooks.kill();
    for (const service of this.#exports.values()) {
      service.kill();
    }
  }

  #rotateHookSecret(unit: Unit): void {
    const [current = ''] = unit.hookSecrets;
    unit.hookSecrets = [`MARKED-SECRET-${unit.name}-${this.#world.timeline.nowMs}`, current];
  }

  #setVersions({ do: how, controlPlane, version }: ActionOf<'retire version' | 'add version'>): void {
    const unit = this.#world.unit(controlPlane);
    const others = unit.versions.filter((each) => each !== version);
    unit.versions = how === 'add version' ? [...others, version] : others;
    // A deployment replaces the containers.
    this.#exports.get(controlPlane)?.kill();
  }

  #boot({ controlPlane, version, cacheAgeMs }: ActionOf<'boot data plane'>): void {
    const unit = this.#world.unit(controlPlane);
    this.#booted += 1;
    const bornMs = this.#world.timeline.nowMs;
    const files = unit.versions;
    bootDataPlane({
      world: this.#world,
      unit,
      version,
      name: `data plane ${this.#booted} of ${unit.name}`,
      cacheAgeMs,
      onLoaded: (file, status) => this.#invariants.checkLoaded(unit, version, file, status),
      onUndue: (invariant, detail) => this.#invariants.violate(invariant, detail),
      onGivenUp: ({ faultsMet }) => {
        // With a fault on the way, or a deployment meanwhile, it may have had no chance.
        if (faultsMet === 0 && unit.versions === files) {
          this.#invariants.checkGivenUp(unit, version, bornMs);
        }
      },
    });
  }

  #bootFleet(plan: ActionOf<'boot fleet'>): void {
    const unit = this.#world.unit(plan.controlPlane);
    bootFleet({
      world: this.#world,
      unit,
      plan,
      onLoaded: (file, status) => this.#invariants.checkLoaded(unit, plan.version, file, status),
      violate: (invariant, detail) => this.#invariants.violate(invariant, detail),
    });
  }

  #fetch({ controlPlane, version }: ActionOf<'fetch file'>): void {
    const unit = this.#world.unit(controlPlane);
    this.#booted += 1;
    fetchFile({
      world: this.#world,
      unit,
      version,
      name: `client ${this.#booted} of ${unit.name}`,
      onLoaded: (file, status) => this.#invariants.checkLoaded(unit, version, file, status),
    });
  }

  #layHandOnBucket(action: BucketAction): void {
    const change = (put: () => void) => {
      this.#invariants.isHandAtWork = true;
      put();
      this.#invariants.isHandAtWork = false;
    };
    if (action.do === 'put file of a stranger') {
      void putFileOfStranger(this.#world, action.key, 'his own').then(change);
    } else if (action.do === 'put file of a stranger under our key id') {
      void putFileOfStranger(this.#world, action.key, 'ours').then(change);
    } else {
      change(() => changeObject(this.#world, action));
    }
  }
}
