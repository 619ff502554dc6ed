/**
 * `npm run release:fixtures`: records what this version writes, so that later versions are tested with it.
 * When the version in package.json has its folder already, only messages by causes that no release knows are
 * recorded, as unreleased: what was released does not change.
 */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { projectRoot } from '../../build/project-root.ts';
import { clusterIdentity, signAssertion } from '../../core/access/cluster-identity.ts';
import { systemRandom } from '../../core/random-source.ts';
import type { ControlPlane } from '../../simulators/kong/control-plane/control-plane.ts';
import { listen } from '../../simulators/kong/control-plane/listening.ts';
import { controlPlaneName, dataPlaneVersion, startPublishing } from './publishing.ts';
import { writeQueueMessages } from './queue-messages.ts';
import { recordStacks } from './recorded-stacks.ts';
import {
  fixtureNames,
  isReleased,
  type RecordedAssertion,
  type RecordedEventHook,
  readQueueMessages,
  releaseDirectory,
  releasedVersions,
  unreleased,
} from './released-fixtures.ts';

// Any md5 does where no control plane runs.
const exampleHash = 'd41d8cd98f00b204e9800998ecf8427e';

type Recording = Readonly<Record<keyof typeof fixtureNames, string | Buffer>>;

const { version } = JSON.parse(await readFile(join(projectRoot, 'package.json'), 'utf8')) as {
  readonly version: string;
};
if (isReleased(version)) {
  console.error(`${releaseDirectory(version)} is there already: raise the version in package.json first`);
  await recordNewMessages();
} else {
  await writeRecording(releaseDirectory(version), await record());
  await rm(releaseDirectory(unreleased), { recursive: true, force: true });
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
      queueMessages: formatJson(await writeQueueMessages(publishing.controlPlane.builtHash())),
      eventHook: formatJson(await recordEventHook(publishing.controlPlane)),
      assertion: formatJson(await recordAssertion(publishing.controlPlane)),
      stacks: formatJson(recordStacks()),
      shellClient: await readFile(join(projectRoot, 'examples/data-plane/shell/lifeboat-fetch.sh')),
      client: gzipSync(await readFile(join(projectRoot, 'dist/lifeboat.cjs')), { level: 9 }),
    };
  } finally {
    await publishing.stop();
  }
}

/**
 * Messages by a cause that no release knows are kept until one does: a queue may hold some when the next
 * version comes. One that is kept already does not change.
 */
async function recordNewMessages(): Promise<void> {
  const released = releasedVersions().flatMap((each) => Object.keys(readQueueMessages(each)));
  const kept = readQueueMessages(unreleased);
  const written = await writeQueueMessages(exampleHash);
  const added = Object.entries(written).filter(
    ([cause]) => !released.includes(cause) && kept[cause] === undefined,
  );
  if (added.length > 0) {
    await mkdir(releaseDirectory(unreleased), { recursive: true });
    await writeFile(
      join(releaseDirectory(unreleased), fixtureNames.queueMessages),
      formatJson({ ...kept, ...Object.fromEntries(added) }),
    );
  }
  console.error(`recorded ${added.length} new messages in ${releaseDirectory(unreleased)}`);
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
