/** What a release leaves behind for later versions to be tested with: `test/fixtures/released/{version}/`. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { projectRoot } from '../../build/project-root.ts';

const root = join(projectRoot, 'test/fixtures/released');

/** In place of a version: what was added since the last release. */
export const unreleased = 'unreleased';

/** The names of the files in a release's folder. */
export const fixtureNames = {
  /** The published file as it is stored. */
  config: 'config.json.gz',
  /** The signed manifest from its metadata. */
  manifest: 'manifest.jws',
  /** The key that signed it. */
  publicKey: 'public-key.pem',
  status: 'status.json',
  grant: 'grant.json',
  /** The body of a message by its cause. */
  queueMessages: 'queue-messages.json',
  /** A delivery, and the secret that signed it. */
  eventHook: 'event-hook.json',
  /** An assertion, the certificate whose key signed it, and when. */
  assertion: 'assertion.json',
  /** What a deployment has that must outlive an update, by what is special about it. */
  stacks: 'stacks.json',
  /** The command line. Releases up to 0.1.0 have an ES module, `lifeboat.mjs.gz`. */
  client: 'lifeboat.cjs.gz',
  /** The example with curl and openssl, which data planes have copies of. */
  shellClient: 'lifeboat-fetch.sh',
} as const;

export interface RecordedEventHook {
  readonly secret: string;
  readonly signature: string;
  readonly body: string;
}

export interface RecordedAssertion {
  readonly assertion: string;
  readonly certificate: string;
  /** ISO 8601. */
  readonly at: string;
}

export function releaseDirectory(version: string): string {
  return join(root, version);
}

export function isReleased(version: string): boolean {
  return existsSync(releaseDirectory(version));
}

/** Every release that has fixtures. */
export function releasedVersions(): readonly string[] {
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== unreleased)
    .map(({ name }) => name);
}

export function readFixture(version: string, name: keyof typeof fixtureNames): Buffer {
  return readFileSync(join(releaseDirectory(version), fixtureNames[name]));
}

/** The command line of a release, and the ending of its file, which tells Node what kind of module it is. */
export function readReleasedClient(version: string): { readonly bundle: Buffer; readonly ending: string } {
  const esModule = join(releaseDirectory(version), 'lifeboat.mjs.gz');
  return existsSync(esModule)
    ? { bundle: gunzipSync(readFileSync(esModule)), ending: '.mjs' }
    : { bundle: gunzipSync(readFixture(version, 'client')), ending: '.cjs' };
}

export function readJsonFixture<Content>(version: string, name: keyof typeof fixtureNames): Content {
  return JSON.parse(readFixture(version, name).toString('utf8')) as Content;
}

/** Bodies of messages to the export function, by their cause; after a release nothing is unreleased. */
export function readQueueMessages(version: string): Readonly<Record<string, string>> {
  if (version === unreleased && !existsSync(releaseDirectory(unreleased))) {
    return {};
  }
  return readJsonFixture<Readonly<Record<string, string>>>(version, 'queueMessages');
}
