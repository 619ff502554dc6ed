import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, processes, type StartedProcess, typescript } from './processes.ts';

interface Endpoints {
  readonly apiUrl: string;
  readonly webhookUrl: string;
  readonly adminUrl: string;
  readonly region: string;
  readonly signingKeyArn: string;
  readonly publicKeyFile: string;
  readonly hookSecretFile: string;
  readonly dataPlaneCredentialsFile: string;
  readonly administratorCredentialsFile: string;
  readonly clusterKeyFile: string;
  readonly dataPlaneVersion: string;
  readonly fetchedFile: string;
  readonly logDirectory: string;
}

const children = processes();
let directory: string;
let forMachines: StartedProcess;
let forPeople: StartedProcess;
let endpoints: Endpoints;

/** Runs a script, with the endpoints as its variables. */
const bash = (script: string) =>
  children.run('bash', ['-c', `set -o pipefail\n${script}`], { env: { ...endpoints } });

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lifeboat-serve-'));
  const serving = (name: string, ...flags: readonly string[]) =>
    children.start(
      process.execPath,
      typescript('local/start.ts', '--serve', '--data', join(directory, name), ...flags),
      // As long as all tests of this file.
      { limitSeconds: 3_600 },
    );
  forMachines = serving('machines', '--json');
  // A path that a shell would take apart.
  forPeople = serving("people's data");
  const ready = await eventually(
    () =>
      forMachines.hasEnded() ||
      forPeople.hasEnded() ||
      (forMachines.stdout().endsWith('\n') && forPeople.stdout().includes('tail -f')),
  );
  if (!ready || forMachines.hasEnded() || forPeople.hasEnded()) {
    throw new Error(`not ready:\n${forMachines.stderr()}\n${forPeople.stdout()}${forPeople.stderr()}`);
  }
  endpoints = JSON.parse(forMachines.stdout()) as Endpoints;
});

afterAll(async () => {
  await children.stop();
  await rm(directory, { recursive: true });
});

describe('serving', () => {
  it('prints one JSON object, and keeps its secrets in files for their owner alone', async () => {
    const secret = await readFile(endpoints.hookSecretFile, 'utf8');
    const files = [endpoints.dataPlaneCredentialsFile, endpoints.administratorCredentialsFile];
    const clusterKey = await readFile(endpoints.clusterKeyFile, 'utf8');
    const credentials = (await Promise.all(files.map((file) => readFile(file, 'utf8')))).join('');

    expect(forMachines.stdout().trim().split('\n')).toHaveLength(1);
    for (const file of [endpoints.hookSecretFile, endpoints.clusterKeyFile, ...files]) {
      expect((await stat(file)).mode & 0o777).toBe(0o600);
    }
    const printed = [forMachines, forPeople].map((each) => each.stdout() + each.stderr()).join();
    expect(secret.length).toBeGreaterThan(30);
    expect(printed).not.toContain(secret);
    expect(clusterKey).toContain('PRIVATE KEY');
    expect(printed).not.toContain('PRIVATE KEY');
    const values = [...credentials.matchAll(/(?:SECRET_ACCESS_KEY|SESSION_TOKEN)='([^']+)'/g)];
    expect(values).toHaveLength(4);
    for (const [, value = ''] of values) {
      expect(printed).not.toContain(value);
    }
  });

  it.each([
    ['sha256', '202'],
    ['sha1', '202'],
  ])('takes a hook that openssl signed with %s', async (algorithm, status) => {
    const { stdout } = await bash(`
      body='{"source":"crud","event":"routes:update"}'
      hex=$(printf %s "$body" | openssl dgst -${algorithm} -hmac "$(cat "$hookSecretFile")" | sed 's/^.*= //')
      curl -s -o /dev/null -w '%{http_code}' "$webhookUrl" -H 'content-type: application/json' \\
        -H "x-kong-signature: ${algorithm}=$hex" -d "$body"`);

    expect(stdout).toBe(status);
  });

  it('refuses a hook without a signature, and a grant without one', async () => {
    const { stdout } = await bash(`
      curl -s -o /dev/null -w '%{http_code} ' "$webhookUrl" -H 'content-type: application/json' -d '{}'
      curl -s -o /dev/null -w '%{http_code}' "$apiUrl/control-planes/prod/fallback-config?kongVersion=$dataPlaneVersion"`);

    expect(stdout).toBe('401 403');
  });

  it('gives curl a grant, whose URL curl can read', async () => {
    const { stdout } = await bash(`
      . "$dataPlaneCredentialsFile"
      grant=$(curl -s --aws-sigv4 "aws:amz:$region:execute-api" --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \\
        -H "x-amz-security-token: $AWS_SESSION_TOKEN" \\
        "$apiUrl/control-planes/prod/fallback-config?kongVersion=$dataPlaneVersion")
      url=$(printf %s "$grant" | sed 's/.*"url":"\\([^"]*\\)".*/\\1/')
      curl -s --compressed -w '\\n%{http_code}' "$url"`);

    const [file = '', status] = stdout.split('\n');
    expect(status).toBe('200');
    expect(JSON.parse(file)).toMatchObject({ _format_version: '3.0', _comment: expect.any(String) });
  });

  it('gives `lifeboat` a verified file and the signing key', async () => {
    const { exitCode, stdout, stderr } = await bash(`
      . "$dataPlaneCredentialsFile"
      lifeboat() { '${process.execPath}' dist/lifeboat.cjs "$@"; }
      lifeboat fetch --control-plane prod --kong-version "$dataPlaneVersion" --endpoint "$apiUrl" \\
        --public-key "$publicKeyFile" --output "$fetchedFile" --json &&
      (. "$administratorCredentialsFile"; lifeboat public-key --key-id "$signingKeyArn")`);

    const [manifest = '', ...pem] = stdout.split('\n');
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    expect(JSON.parse(manifest)).toMatchObject({ file: endpoints.fetchedFile, controlPlane: 'prod' });
    expect(pem.join('\n')).toBe(await readFile(endpoints.publicKeyFile, 'utf8'));
    expect((await stat(endpoints.fetchedFile)).mode & 0o777).toBe(0o600);
  });
});

describe('what is printed for people', () => {
  it('works as it stands, paragraph by paragraph', async () => {
    const printed = forPeople.stdout();
    const paragraphs = printed
      .slice(printed.indexOf('Run the commands below'))
      .split('\n\n')
      .slice(1)
      .filter((paragraph) => paragraph.trim() !== '')
      // The one command that is not meant to end.
      .map((paragraph) => paragraph.replace(/^tail -f/m, 'timeout 1 tail -f'));

    const { stdout, stderr } = await bash(
      paragraphs.map((paragraph) => `${paragraph}\necho "[exit $?]"`).join('\n'),
    );

    const [change, hook, credentials, fetched, grant, invoked, byCertificate, asked, key, log] =
      stdout.split(/\[exit \d+\]\n/);
    const exits = [...stdout.matchAll(/\[exit (\d+)\]/g)].map(([, code]) => code);
    expect({ exits, stderr: stderr.slice(0, 2000) }).toMatchObject({
      exits: ['0', '0', '0', '0', '0', '0', '0', '0', '0', '124'],
    });
    expect(JSON.parse(change ?? '')).toMatchObject({ name: 'mine' });
    expect(hook).toContain('HTTP/1.1 202 Accepted');
    expect(credentials).toBe('');
    expect(fetched).toContain("people's data/config.json: revision ");
    expect(fetched).toContain('verified');
    expect(JSON.parse(grant ?? '')).toMatchObject({ method: 'GET', kongVersion: '3.9.1' });
    expect(invoked).toContain('verified');
    expect(byCertificate).toMatch(/^.*people's data\/config\.json: revision .*verified\n$/);
    expect(asked).toMatch(/can boot +yes\n.*people's data\/history\.html: \d+ versions?, \d+ compared/s);
    expect(key).toContain('-----BEGIN PUBLIC KEY-----');
    expect(log).toContain('"message":"published"');
  });
});

describe('the README', () => {
  it('has commands that work as they stand, in their order', async () => {
    const readme = await readFile('README.md', 'utf8');
    const blocks = [...readme.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);
    // The first one is what CI does; files go where tests may leave them.
    const [hook, call, key, fetched, ...more] = blocks
      .slice(1)
      // Those of an app that takes the package are run where the package is.
      .filter((block) => !/kong-lifeboat|npx /.test(block))
      .map((block) => block.replaceAll(/\b(signing-key\.pem|config\.json)\b/g, `"${directory}/$1"`));

    const { stdout, stderr, exitCode } = await bash(
      `export ADMIN_URL="$adminUrl" WEBHOOK_URL="$webhookUrl" API_URL="$apiUrl" SIGNING_KEY_ARN="$signingKeyArn"
      HOOK_SECRET=$(cat "$hookSecretFile")
      set -e
      ${hook}
      ${call}
      . "$administratorCredentialsFile"
      ${key}
      . "$dataPlaneCredentialsFile"
      ${fetched}`,
    );

    expect(blocks[0]).toBe('npm ci && npm start\nnpm ci && npm test\n');
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    // Kong's answer quotes the secret, which no failing test should print.
    const said = stdout.trimEnd().replaceAll(/"secret":"[^"]*"/g, '');
    expect(said).toMatch(/"handler":"webhook".*"status":"accepted".*verified as current .* before$/s);
    expect(more).toEqual([]);
  });
});

describe('Ctrl-C', () => {
  it.each([
    ['SIGINT', () => forMachines, () => endpoints.apiUrl],
    [
      'SIGTERM',
      () => forPeople,
      () => /http:\/\/127\.0\.0\.1:\d+(?=\/control-planes)/.exec(forPeople.stdout())?.[0],
    ],
  ] as const)('(%s) ends it well, and frees its port', async (signal, served, apiUrl) => {
    const url = apiUrl() ?? '';
    const before = await fetch(url);
    await before.body?.cancel();

    served().signal(signal);

    const { exitCode } = await served().ended;
    expect(before.status).toBe(404);
    expect(exitCode).toBe(0);
    await expect(fetch(url)).rejects.toThrow();
  });
});
