import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { clusterIdentity } from '../../core/access/cluster-identity.ts';
import { systemClock } from '../../core/clock.ts';
import { sendCommand } from '../../core/fetch/command-request.ts';
import { downloadVerified } from '../../core/fetch/download.ts';
import { type GrantAuthentication, requestGrant } from '../../core/fetch/grant-request.ts';
import { inspectRevisions } from '../../core/fetch/inspect-request.ts';
import { requestRevisionGrant } from '../../core/fetch/revision-grant-request.ts';
import { systemRandom } from '../../core/random-source.ts';
import { kmsSigner } from '../../core/vault/kms-signer.ts';
import { type LocalSystem, startLocalSystem } from '../../local/local-system.ts';
import { describeSimulated, type LocalControlPlane, localTemplate } from '../../local/local-template.ts';
import { type ControlPlane, startControlPlane } from '../../simulators/kong/control-plane/control-plane.ts';
import type { SynthesizedTemplate } from '../../template/template.ts';
import { hookSignature } from '../simulators/aws/signed-requests.ts';
import { eventually } from './processes.ts';
import { type TemplatePart, templateParts, withoutResources } from './template-parts.ts';

const atOnce = 6;
const healthy = 'nothing';

let directory: string;
let controlPlane: ControlPlane;
let subject: LocalControlPlane;
let template: SynthesizedTemplate;
let parts: readonly TemplatePart[];
let changes = 0;
/** What a system without this part ended with, by the part's name. */
const sentences = new Map<string, string>();

/**
 * Everything that a deployment is for, once: a grant for a file that is not there yet, a hook, an export, a
 * second one that reads what the first published, a command, people's questions, a revision by its number,
 * and grants in each way.
 */
async function rehearseShortly(system: LocalSystem): Promise<void> {
  await missFile(system);
  await look(system, 'status', {}, '"state":"missing"');
  await sendHook(system);
  await publish(system, 1);
  await changeControlPlane();
  await publish(system, 2);
  await askForExport(system);
  await look(system, 'status', {}, '"state":"ready"');
  await look(system, 'diff', { from: '1', to: '2' }, '"kind":"added"');
  await fetchRevision(system, 1);
  const endpoints = { api: new URL(system.apiUrl), function: new URL(system.grantFunctionArn) };
  const { certificate, key } = subject.certificate;
  const iam: GrantAuthentication = { by: 'iam', region: system.region, credentials: system.dataPlane };
  await boot(system, endpoints.api, iam, 'GET');
  const identity = clusterIdentity(certificate, key);
  await boot(system, endpoints.api, { by: 'cluster-certificate', identity }, 'POST');
  await boot(system, endpoints.function, iam, 'invoke');
}

async function sendHook({ webhookUrl, hookSecret }: LocalSystem): Promise<void> {
  const body = '{"source":"crud","event":"services"}';
  const send = async (signature: string) => {
    const headers = { 'content-type': 'application/json', 'x-kong-signature': signature };
    return (await fetch(webhookUrl, { method: 'POST', headers, body })).status;
  };
  const statuses = [await send(hookSignature(hookSecret, body)), await send('sha256=none')];
  if (statuses.join() !== '202,401') {
    throw new Error(`POST ${new URL(webhookUrl).pathname} was answered with ${statuses.join(' and ')}`);
  }
}

async function missFile({ apiUrl, region, dataPlane }: LocalSystem): Promise<void> {
  const { url } = await requestGrant({
    endpoint: new URL(apiUrl),
    controlPlane: subject.name,
    kongVersion: '3.9.1',
    authentication: { by: 'iam', region, credentials: dataPlane },
    timeoutMs: 500_000,
    clock: systemClock,
    random: systemRandom,
  });
  const { status } = await fetch(url);
  if (status !== 404) {
    throw new Error(`a file that was not published yet was answered with ${status}`);
  }
}

/** As an operator. */
async function askForExport({ apiUrl, region, operator }: LocalSystem): Promise<void> {
  await sendCommand({
    endpoint: new URL(apiUrl),
    controlPlane: subject.name,
    command: 'export',
    body: { reason: 'rehearsal' },
    authentication: { by: 'iam', region, credentials: operator },
    timeoutMs: 500_000,
    clock: systemClock,
  });
}

/** As somebody who may look, and read no file. */
async function look(
  { apiUrl, region, inspector }: LocalSystem,
  view: 'status' | 'diff',
  query: Readonly<Record<string, string>>,
  expected: string,
): Promise<void> {
  const answer = await inspectRevisions({
    endpoint: new URL(apiUrl),
    controlPlane: subject.name,
    view,
    query,
    authentication: { by: 'iam', region, credentials: inspector },
    timeoutMs: 500_000,
    clock: systemClock,
  });
  if (!answer.includes(expected)) {
    throw new Error(`${view} was answered with ${answer}`);
  }
}

/** As somebody who may have any revision. */
async function fetchRevision(
  { apiUrl, region, revisionFetcher }: LocalSystem,
  revision: number,
): Promise<void> {
  const { url } = await requestRevisionGrant({
    endpoint: new URL(apiUrl),
    controlPlane: subject.name,
    kongVersion: '3.9.1',
    revision,
    authentication: { by: 'iam', region, credentials: revisionFetcher },
    timeoutMs: 500_000,
    clock: systemClock,
  });
  const { status } = await fetch(url);
  if (status !== 200) {
    throw new Error(`the URL of revision ${revision} was answered with ${status}`);
  }
}

/** All systems read the same control plane: each change is new to each of them. */
async function changeControlPlane(): Promise<void> {
  changes += 1;
  await fetch(`${controlPlane.adminUrl}/services`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: `change-${changes}`, url: 'http://example.com' }),
  });
}

async function publish(system: LocalSystem, times: number): Promise<void> {
  await system.ringSchedule();
  const published = () => system.measurements().filter(({ name }) => name === 'Published').length;
  await eventually(
    () => published() >= times || system.refusals().length > 0,
    system.exportCount() === 0 ? 20 : 60,
  );
  if (published() < times) {
    throw new Error(
      system.exportCount() === 0
        ? 'no AWS::Lambda::EventSourceMapping gave the export function a message'
        : `${published()} of ${times} exports published`,
    );
  }
}

async function boot(
  system: LocalSystem,
  endpoint: URL,
  authentication: GrantAuthentication,
  way: string,
): Promise<void> {
  const request = {
    endpoint,
    controlPlane: subject.name,
    kongVersion: '3.9.1',
    authentication,
    lambdaEndpoint: new URL(system.awsEndpoints.AWS_ENDPOINT_URL_LAMBDA),
    timeoutMs: 500_000,
    clock: systemClock,
    random: systemRandom,
  };
  const { url, statusUrl = '' } = await requestGrant(request);
  const status = await fetch(statusUrl);
  if (!status.ok) {
    throw new Error(`the status was answered with ${status.status}: ${await status.text()}`);
  }
  await downloadVerified({
    ...request,
    url,
    trusted: [await kmsSigner(system.clients.kms, system.signingKeyArn).verificationKey()],
    output: join(system.logDirectory, `${way}.json`),
    maxBytes: 10_000_000,
  });
}

/** What a system with this template ends with: the first refusal, the first error, or nothing. */
async function sentenceOf(deployed: SynthesizedTemplate): Promise<string> {
  const dataDirectory = await mkdtemp(join(directory, 'system-'));
  const failures: string[] = [];
  const note = (error: unknown) => failures.push(error instanceof Error ? error.message : String(error));
  const system = await startLocalSystem({ template: deployed, controlPlane: subject, dataDirectory }).catch(
    note,
  );
  if (typeof system === 'object') {
    await rehearseShortly(system).catch(note);
    // What the functions logged last is read when they have ended.
    await system.stop();
    failures.unshift(...system.refusals().slice(0, 1));
  }
  await rm(dataDirectory, { recursive: true });
  return failures.length === 0 ? healthy : failures.join(' / ');
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lifeboat-parts-'));
  controlPlane = await startControlPlane({ mtls: 'shared', dbUpdateFrequencySeconds: 0.2 });
  subject = describeSimulated(controlPlane, 'prod');
  template = localTemplate({
    controlPlane: subject,
    dataPlaneVersions: ['3.9.1'],
    settings: { settleSeconds: 1, minimumIntervalSeconds: 0 },
  });
  parts = templateParts(template);
  const permissions = grantPermissions();
  const systems = [
    { name: 'everything', without: template },
    { name: 'both permissions', without: withoutResources(template, ...permissions) },
    ...parts,
  ];
  const next = systems.values();
  const work = async () => {
    for (const { name, without } of next) {
      sentences.set(name, await sentenceOf(without));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  await report();
});

afterAll(async () => {
  await controlPlane.stop();
  await rm(directory, { recursive: true });
});

/** Those of the two grant routes. CDK makes one for each, and both allow the API all methods of the path. */
function grantPermissions(): readonly string[] {
  return Object.keys(template.Resources).filter((id) => /fallbackconfig.*Permission/.test(id));
}

/** Parts whose absence shows nowhere, with the reason. */
function spare(): ReadonlyMap<string, string> {
  const names = parts.map(({ name }) => name);
  return new Map([
    ...names
      .filter((name) => /^(DataPlane|Operator|Inspector|RevisionFetcher).* sts:AssumeRole$/.test(name))
      .map((name) => [name, 'the role is the local system’s own, and nobody assumes it here'] as const),
    ...grantPermissions().map(
      (id) => [`AWS::Lambda::Permission ${id}`, 'the other one allows the same'] as const,
    ),
    ...parts
      .filter(({ naming }) => naming[0] === 'POST /control-planes/prod/events')
      .map(({ name }) => [name, 'the route of all other names takes its hooks, too'] as const),
    ...names
      .filter((name) => name.startsWith('AWS::Scheduler::Schedule Drills'))
      .map((name) => [name, 'the alarm of drills tells that none is played'] as const),
  ]);
}

/** `LIFEBOAT_REPORT=<file>`: a table of the parts and their sentences. */
async function report(): Promise<void> {
  const file = process.env['LIFEBOAT_REPORT'];
  if (file !== undefined) {
    const rows = [...sentences].map(([name, sentence]) => `| ${name} | ${sentence.replaceAll('|', '\\|')} |`);
    await writeFile(file, `| Without | it ends with |\n|---|---|\n${rows.join('\n')}\n`);
  }
}

describe('a template', () => {
  it('of which nothing is missing passes the rehearsal', () => {
    expect(sentences.get('everything')).toBe(healthy);
  });

  it.each(['variable', 'resource', 'statement'] as const)(
    'of which one %s is missing ends with its name',
    (kind) => {
      const missing = parts.filter((part) => part.kind === kind && !spare().has(part.name));

      const unnamed = missing
        .map(({ name, naming }) => ({ name, naming, sentence: sentences.get(name) ?? '' }))
        .filter(({ naming, sentence }) => !naming.some((word) => sentence.includes(word)));

      expect(missing.length).toBeGreaterThan(10);
      expect(unnamed).toEqual([]);
    },
  );

  it('has few parts that it would not miss, and they are known', () => {
    const spareParts = [...spare().keys()].map((name) => [name, sentences.get(name)]);

    expect(spareParts).toHaveLength(8);
    expect(spareParts.filter(([, sentence]) => sentence !== healthy)).toEqual([]);
    expect(sentences.get('both permissions')).toContain('lambda:InvokeFunction');
  });
});
