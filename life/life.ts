/** One deployment, from its first day to its last, and what its steps have in common. */
import { createHash } from 'node:crypto';
import { access, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import type { LifeboatControlPlaneProps } from '../lib/deployment/control-plane-props.ts';
import type { LifeboatProps } from '../lib/deployment/lifeboat-props.ts';
import type { Subject } from '../local/rehearsal/subject.ts';
import { type Account, cloudFormationsOf } from './account.ts';
import { mirrorOutputs, outputsOfOtherRegions } from './emulator/gaps.ts';
import { LifeError } from './failure.ts';
import { type Ended, runCdk, runLifeboat } from './programs.ts';
import { dataPlaneRoleId, operatorRoleId, replicaStackName, synthesizeStacks } from './synthesize.ts';

export const firstControlPlane = 'prod';
export const secondControlPlane = 'staging';

const outputsJson = v.record(v.string(), v.record(v.string(), v.string()));
type Outputs = v.InferOutput<typeof outputsJson>;

export interface LifeParts {
  readonly account: Account;
  readonly stackName: string;
  /** For everything that is written. */
  readonly folder: string;
  readonly subject: Subject;
  /** `host:port` by which exports reach the control plane. */
  readonly clusterEndpoint: string;
  /** What steps note, for the report. */
  readonly notes: string[];
  /** What destroyed stacks have left on purpose. */
  readonly kept: Kept[];
}

/** What stacks have left on purpose. */
export interface Kept {
  readonly region: string;
  readonly buckets: readonly string[];
  readonly keys: readonly string[];
}

/** What a role sees of the account. */
export type Caller = 'administrator' | 'data-plane' | 'operator';

export class Life {
  readonly parts: LifeParts;
  #settings: LifeboatProps;
  #hasReplica = false;
  #outputs: Outputs = {};

  constructor(parts: LifeParts) {
    this.parts = parts;
    this.#settings = {
      controlPlanes: { [firstControlPlane]: this.describeControlPlane() },
      // Steps wait for checks; what these numbers do is tested elsewhere.
      settleSeconds: 2,
      minimumIntervalSeconds: 0,
      scheduleMinutes: 60,
      runbookUrl: 'https://lifeboat.invalid/runbook.md',
    };
  }

  get account(): Account {
    return this.parts.account;
  }

  get kongVersion(): string {
    return this.parts.subject.dataPlaneVersion;
  }

  get settings(): LifeboatProps {
    return this.#settings;
  }

  /** The control plane of this life, as the settings name it. */
  describeControlPlane(): LifeboatControlPlaneProps {
    const { subject, clusterEndpoint } = this.parts;
    return {
      clusterEndpoint,
      clusterMtls: subject.mtls,
      clusterServerName: subject.serverName,
      dataPlaneVersions: [subject.dataPlaneVersion],
      customPlugins: subject.customPlugins,
      wasmFilters: subject.wasmFilters,
    };
  }

  file(name: string): string {
    return join(this.parts.folder, name);
  }

  /** @throws LifeError `failed` when there is no such output */
  output(name: string, stack = this.parts.stackName): string {
    const value = this.#outputs[stack]?.[name];
    if (value === undefined) {
      throw new LifeError('failed', `the stack ${stack} has no output ${name}`);
    }
    return value;
  }

  /** Writes down what a report must say and no step can judge. */
  note(text: string): void {
    this.parts.notes.push(text);
  }

  /** Changes the settings, and says what `cdk diff` makes of it. */
  async plan(changes: Partial<LifeboatProps>, replica = this.#hasReplica): Promise<Plan> {
    const settings = { ...this.#settings, ...changes };
    const { account, folder, stackName } = this.parts;
    const app = await synthesizeStacks(account, folder, { stackName, settings, hasReplica: replica });
    return { app, settings, replica };
  }

  /** The lines of `cdk diff` that name a resource or an output: none where it finds no difference. */
  async diff({ app }: Plan, ...options: readonly string[]): Promise<readonly string[]> {
    const { code, stdout, stderr } = await runCdk(
      this.account,
      ['diff', '--app', app, '--fail', ...options],
      { expected: [0, 1] },
    );
    const said = `${stdout}\n${stderr}`.split('\n');
    const lines = said.filter((line) => /^\[[-+~←]\] /.test(line)).map((line) => line.slice(0, 200));
    require(code === 0 || lines.length > 0, `cdk diff failed:\n${said.slice(-10).join('\n')}`);
    return code === 0 ? [] : lines;
  }

  /** `cdk deploy`. The settings of the plan are in force afterwards. */
  async deploy({ app, settings, replica }: Plan, ...options: readonly string[]): Promise<void> {
    const outputs = this.file('outputs.json');
    const deploy = ['deploy', '--app', app, '--require-approval', 'never', '--outputs-file', outputs];
    const { environment, regions, emulator } = this.account;
    if (replica && emulator?.gaps.includes(outputsOfOtherRegions)) {
      const second = replicaStackName(this.parts.stackName);
      await runCdk(this.account, [...deploy, second]);
      await mirrorOutputs(cloudFormationsOf(environment, regions), second);
    }
    await runCdk(this.account, [...deploy, '--all', ...options]);
    this.#settings = settings;
    this.#hasReplica = replica;
    this.#outputs = v.parse(outputsJson, JSON.parse(await readFile(outputs, 'utf8')));
    await rm(app, { recursive: true, force: true });
  }

  /** The same in one, of what may fail. @returns whether it is deployed */
  async tryToDeploy(changes: Partial<LifeboatProps>): Promise<boolean> {
    const plan = await this.plan(changes);
    try {
      await this.deploy(plan);
      return true;
    } catch (error) {
      if (error instanceof LifeError) {
        return false;
      }
      throw error;
    }
  }

  get isDeployed(): boolean {
    return Object.keys(this.#outputs).length > 0;
  }

  /** After its stacks are gone. */
  forgetDeployment(): void {
    this.#outputs = {};
    this.#hasReplica = false;
  }

  /** The same in one, where nobody looks at the difference. */
  async change(changes: Partial<LifeboatProps>): Promise<void> {
    await this.deploy(await this.plan(changes));
  }

  /**
   * Runs `lifeboat` as somebody.
   *
   * @throws LifeError `failed` when it ends otherwise than expected
   */
  async lifeboat(caller: Caller, args: readonly string[], expected: readonly number[] = [0]): Promise<Ended> {
    const role = { 'data-plane': dataPlaneRoleId, operator: operatorRoleId, administrator: undefined }[
      caller
    ];
    const config = this.file('aws-config');
    if (role !== undefined) {
      // The SDK assumes the role itself, as it does for people.
      await writeFile(
        config,
        `[profile ${caller}]\nrole_arn = ${this.output(`${role}RoleArn`)}\ncredential_source = Environment\n`,
        { mode: 0o600 },
      );
    }
    return runLifeboat(this.account, [...args, ...(role === undefined ? [] : ['--profile', caller])], {
      expected,
      environment: { AWS_CONFIG_FILE: config },
    });
  }

  /** The same with `--json`: what it prints, parsed. */
  async ask<Schema extends v.GenericSchema>(
    caller: Caller,
    args: readonly string[],
    schema: Schema,
    expected?: readonly number[],
  ): Promise<v.InferOutput<Schema>> {
    const { stdout } = await this.lifeboat(caller, [...args, '--json'], expected);
    return v.parse(schema, JSON.parse(stdout));
  }

  /** `--stack` and which control plane. */
  of(controlPlane = firstControlPlane): readonly string[] {
    return ['--stack', this.parts.stackName, '--control-plane', controlPlane];
  }

  /** Writes the public half of the key that signs now into a file, as people pin it. @returns the file */
  async pin(): Promise<string> {
    const { stdout } = await this.lifeboat('administrator', ['public-key', '--stack', this.parts.stackName]);
    const file = this.file(`${createHash('sha256').update(stdout).digest('hex').slice(0, 8)}.pem`);
    await writeFile(file, stdout);
    return file;
  }

  /**
   * Runs `lifeboat fetch` as a data plane.
   *
   * @param how the options that say where
   * @returns the revision that it got
   * @throws LifeError `failed` when it gets none
   */
  async fetch(how: readonly string[], pin: string, controlPlane?: string): Promise<number> {
    const output = this.file('config.json');
    await rm(output, { force: true });
    const { revision } = await this.ask(
      'data-plane',
      this.#fetchArguments(how, pin, controlPlane),
      v.object({ revision: v.number() }),
    );
    await access(output);
    return revision;
  }

  /** The same where it must not get one: with this exit code, and without a file. */
  async fetchInVain(
    how: readonly string[],
    pin: string,
    exitCode: number,
    controlPlane?: string,
  ): Promise<void> {
    await rm(this.file('config.json'), { force: true });
    await this.lifeboat('data-plane', this.#fetchArguments(how, pin, controlPlane), [exitCode]);
  }

  #fetchArguments(how: readonly string[], pin: string, controlPlane = firstControlPlane) {
    return [
      'fetch',
      ...how,
      ...['--control-plane', controlPlane, '--kong-version', this.kongVersion],
      ...['--public-key', pin, '--output', this.file('config.json')],
    ];
  }

  /** Asks again until it is so. */
  async until<Answer>(
    what: string,
    look: () => Promise<Answer | undefined>,
    patienceMs = 180_000,
  ): Promise<Answer> {
    const startedMs = performance.now();
    for (;;) {
      const answer = await look();
      if (answer !== undefined) {
        return answer;
      }
      if (performance.now() - startedMs > patienceMs) {
        throw new LifeError('failed', `${what} did not come within ${patienceMs / 1000} s`);
      }
      await sleep(500);
    }
  }

  /** The newest revision that is published. */
  async revision(controlPlane = firstControlPlane): Promise<number> {
    return (await this.status(controlPlane)).revision ?? 0;
  }

  async status(controlPlane = firstControlPlane) {
    const answer = await this.ask(
      'operator',
      ['status', ...this.of(controlPlane)],
      statusJson,
      // What needs attention is for the steps to say.
      [0, 11],
    );
    const [version] = answer.versions;
    return { ...answer, revision: version?.current?.revision, pinned: version?.current?.pinned === true };
  }
}

const statusJson = v.object({
  versions: v.array(
    v.object({
      state: v.string(),
      current: v.optional(v.object({ revision: v.number(), pinned: v.boolean() })),
    }),
  ),
  held: v.optional(v.object({ reason: v.string() })),
});

/** Settings that are synthesized, and not deployed yet. */
export interface Plan {
  /** Folder for `cdk --app`. */
  readonly app: string;
  readonly settings: LifeboatProps;
  readonly replica: boolean;
}

/** @throws LifeError `failed` when it does not hold */
export function require(holds: boolean, otherwise: string): asserts holds {
  if (!holds) {
    throw new LifeError('failed', otherwise);
  }
}
