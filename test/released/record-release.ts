/**
 * `npm run release:fixtures`: records what this version writes, so that later versions are tested with it.
 * Does nothing when the version in package.json has its folder already: what was released does not change.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import type { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { projectRoot } from '../../build/project-root.ts';
import { clusterIdentity, signAssertion } from '../../core/access/cluster-identity.ts';
import { sqsExportRequests } from '../../core/intake/sqs-export-requests.ts';
import { systemRandom } from '../../core/random-source.ts';
import { parseSettings } from '../../lib/settings/settings.ts';
import type { ControlPlane } from '../../simulators/kong/control-plane/control-plane.ts';
import { listen } from '../../simulators/kong/control-plane/listening.ts';
import { synthesizedTemplate } from '../../template/synthesized-stack.ts';
import { resourceId } from '../../template/template.ts';
import { controlPlaneName, dataPlaneVersion, startPublishing } from './publishing.ts';
import {
  fixtureNames,
  isReleased,
  type RecordedAssertion,
  type RecordedEventHook,
  releaseDirectory,
} from './released-fixtures.ts';

type Recording = Readonly<Record<keyof typeof fixtureNames, string | Buffer>>;

const { version } = JSON.parse(await readFile(join(projectRoot, 'package.json'), 'utf8')) as {
  readonly version: string;
};
if (isReleased(version)) {
  console.error(`${releaseDirectory(version)} is there already: raise the version in package.json first`);
} else {
  await writeRecording(releaseDirectory(version), await record());
  console.error(`recorded ${releaseDirectory(version)}: commit it`);
}

async function record(): Promise<Recording> {
  const publishing = await startPublishing();
  try {
    await publishing.publish();
    const { bytes, metadata } = await publishing.readObject(
      `${controlPlaneName}/${dataPlaneVersion}/config.json`,
    );
    const status = await publishing.readObject(`status/${controlPlaneName}.json`);
    return {
      config: bytes,
      manifest: metadata['manifest'] ?? '',
      publicKey: await publishing.publicKeyPem(),
      status: status.bytes,
      grant: formatJson(await publishing.grant({ kongVersion: dataPlaneVersion })),
      queueMessages: formatJson(await recordQueueMessages()),
      eventHook: formatJson(await recordEventHook(publishing.controlPlane)),
      assertion: formatJson(await recordAssertion(publishing.controlPlane)),
      shellClient: await readFile(join(projectRoot, 'examples/data-plane/shell/lifeboat-fetch.sh')),
      client: gzipSync(await readFile(join(projectRoot, 'dist/lifeboat.mjs')), { level: 9 }),
    };
  } finally {
    await publishing.stop();
  }
}

async function recordQueueMessages(): Promise<Readonly<Record<string, string>>> {
  const sent: string[] = [];
  const sqs = {
    send: async ({ input }: SendMessageCommand) => sent.push(input.MessageBody ?? ''),
  } as unknown as SQSClient;
  await sqsExportRequests(sqs, () => 'https://queue', 1).request(controlPlaneName, new Date());
  const [eventHook = ''] = sent;
  return {
    'event-hook': eventHook,
    schedule: scheduledMessage(),
    // As docs/runbook.md tells people to send it.
    manual: JSON.stringify({ command: 'export', version: 1, cause: 'manual', at: '2026-11-26T08:00:00Z' }),
  };
}

/** What EventBridge Scheduler makes of the template's input. */
function scheduledMessage(): string {
  const template = synthesizedTemplate(
    parseSettings({
      controlPlanes: {
        [controlPlaneName]: {
          clusterEndpoint: 'kong-cp.example.com:8005',
          dataPlaneVersions: [dataPlaneVersion],
        },
      },
    }),
  );
  const schedule = template.Resources[resourceId(template, 'AWS::Scheduler::Schedule', '')];
  const target = schedule?.Properties['Target'] as { readonly Input: string } | undefined;
  return (target?.Input ?? '').replace('<aws.scheduler.scheduled-time>', '2026-11-26T08:00:00Z');
}

async function recordEventHook({ adminUrl, configuration }: ControlPlane): Promise<RecordedEventHook> {
  const secret = 'a-test-secret';
  let receive: (delivery: RecordedEventHook) => void;
  const received = new Promise<RecordedEventHook>((resolve) => {
    receive = resolve;
  });
  const server = createServer(async (request, response) => {
    const body = await text(request);
    response.writeHead(202).end();
    if (!body.includes('"ping"')) {
      receive({ secret, signature: String(request.headers['x-kong-signature']), body });
    }
  });
  const { port, stop } = await listen(server, '127.0.0.1', 0);
  await fetch(`${adminUrl}/event-hooks`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      source: 'crud',
      handler: 'webhook',
      config: { url: `http://127.0.0.1:${port}`, secret },
    }),
  });
  configuration.create('consumers', { username: 'released' });
  const delivery = await received;
  await stop();
  return delivery;
}

async function recordAssertion({ certificates }: ControlPlane): Promise<RecordedAssertion> {
  const { certificate, key } = certificates;
  const now = new Date();
  const assertion = await signAssertion(
    clusterIdentity(certificate, key),
    controlPlaneName,
    now,
    systemRandom,
  );
  return { assertion, certificate, at: now.toISOString() };
}

function formatJson(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

/** All or nothing: half a folder would count as released. */
async function writeRecording(directory: string, recording: Recording): Promise<void> {
  const unfinished = join(dirname(directory), `.${version}`);
  await mkdir(unfinished, { recursive: true });
  for (const [name, content] of Object.entries(recording)) {
    await writeFile(join(unfinished, fixtureNames[name as keyof typeof fixtureNames]), content);
  }
  await rename(unfinished, directory);
}
