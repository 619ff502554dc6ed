/** What `lifeboat diff` and `verify` make of answers that a small local system does not give. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bundledCli, type Cli } from './bundled-cli.ts';

const at = '2026-11-27T12:00:00.000Z';
const file = { controlPlane: 'prod', kongVersion: '3.9.1' };
const revision = (number: number) => ({
  revision: number,
  versionId: `v${number}`,
  builtAt: at,
  exportedAt: at,
  entities: { total: 2 },
  sizeBytes: 1,
  sha256: 'a',
  pinned: false,
});
const added = (name: string) => ({ kind: 'added', type: 'services', name, fields: [] });
const foreign = { isOwn: false, versionId: 'v0', what: 'not signed' };

/** Answers by the query. */
const answers: Readonly<Record<string, object>> = {
  'diff/first': { total: 2, differences: [added('one')], next: 'second' },
  'diff/second': { total: 2, differences: [added('two')] },
  'revisions/first': { versions: [{ isOwn: true, ...revision(2) }], next: 'second' },
  'revisions/second': { versions: [foreign] },
  'verification/first': {
    ...{ revision: 2, sha256: 'a', outcome: 'failed', broken: [] },
    checks: [{ check: 'content', outcome: 'failed', detail: 'It is another.' }],
  },
  'status/first': { strange: true },
  'revision/first': { ...revision(7), rows: [{ type: 'services', fields: {} }], next: 'second' },
};
/** What was asked for. */
const asked: URLSearchParams[] = [];
const server = createServer((request, response) => {
  const query = new URL(request.url ?? '/', 'http://api').searchParams;
  asked.push(query);
  if (query.has('entities') && query.get('revision') === '7') {
    // As a release before this parameter.
    const problem = { status: 400, title: 'Not understood', detail: 'View "revision" takes version.' };
    response.writeHead(400, { 'content-type': 'application/problem+json' }).end(JSON.stringify(problem));
    return;
  }
  const page = query.get('page') ?? query.get('after') ?? 'first';
  const answer = { ...file, from: revision(1), to: revision(2), ...answers[`${query.get('view')}/${page}`] };
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
});

let cli: Cli;
beforeAll(async () => {
  cli = await bundledCli();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  server.close();
  await cli.stop();
});

const ask = (...parameters: readonly string[]) =>
  cli.run(
    [
      ...parameters,
      ...[
        '--control-plane',
        'prod',
        '--endpoint',
        `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      ],
    ],
    { AWS_REGION: 'eu-central-1', AWS_ACCESS_KEY_ID: 'ASIAEXAMPLE', AWS_SECRET_ACCESS_KEY: 'a-secret' },
  );

describe('answers of several pages', () => {
  it('are told one after another', async () => {
    const { stdout } = await ask('diff', '1', '2');

    expect(stdout.match(/from revision/g)).toHaveLength(1);
    expect(stdout).toContain('+ service one\n+ service two\n2 differences: 2 added');
  });

  it('are one answer in JSON', async () => {
    const answer = JSON.parse((await ask('diff', '1', '2', '--json')).stdout);

    expect(answer).toMatchObject({ total: 2, differences: [{ name: 'one' }, { name: 'two' }] });
    expect(answer).not.toHaveProperty('next');
  });
});

describe('show without --entities', () => {
  it('asks for none of them, and takes an answer without any', async () => {
    asked.length = 0;

    const { exitCode, stdout } = await ask('show', '8');

    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: expect.stringContaining('Revision 7 of') });
    expect(asked.map((query) => query.get('entities'))).toEqual(['none']);
  });

  it('takes the answer of a release that cannot leave them out', async () => {
    asked.length = 0;

    const { exitCode, stdout } = await ask('show', '7', '--json');

    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ revision: 7 });
    expect(JSON.parse(stdout)).not.toHaveProperty('rows');
    expect(asked.map((query) => query.get('entities'))).toEqual(['none', null]);
  });
});

describe('what fails', () => {
  it.each([[['verify']], [['verify', '2', '--json']]])('%j ends with 11', async (parameters) => {
    const { exitCode, stdout } = await ask(...parameters);

    expect({ exitCode, stdout }).toEqual({ exitCode: 11, stdout: expect.stringContaining('failed') });
  });

  it('verify --all counts what failed and what is not ours', async () => {
    const { exitCode, stdout } = await ask('verify', '--all');

    expect(exitCode).toBe(11);
    expect(stdout).toContain('Version v0: not ours, it is not signed\n');
    expect(stdout).toContain('0 passed, 1 failed, 0 not verified, 1 not ours: FAILED.');
  });

  it('an answer that is not Lifeboat’s is told as one, with 5', async () => {
    expect(await ask('status')).toMatchObject({
      exitCode: 5,
      stdout: '',
      stderr: expect.stringContaining('check --endpoint'),
    });
  });
});
