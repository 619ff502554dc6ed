/** Which process is told to reload, and what is seen of it. */
import { spawn } from 'node:child_process';
import { mkdir, realpath, symlink, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { nginxProcesses } from '../../../core/standby/nginx-master.ts';
import type { ProcessLook, SeenProcesses } from '../../../core/standby/seed-ports.ts';
import { eventually } from '../../local/processes.ts';
import { removeEverything, temporaryDirectory } from '../../simulators/kong/running-kong.ts';

const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) {
    await end();
  }
  await removeEverything();
});

/** A process with a title, which starts children and works as it is told to on its input. */
async function startProcess(title: string, cwd?: string) {
  const script = `
    const { spawn } = require('node:child_process');
    require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
      if (line === 'child') spawn('cat', [], { argv0: 'nginx: worker process', stdio: ['pipe', 'ignore', 'ignore'] });
      if (line === 'work') for (const end = Date.now() + 300; Date.now() < end; );
      console.log('done');
    });
    console.log('done');`;
  const child = spawn(process.execPath, ['-e', script], {
    argv0: title,
    cwd,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  ends.push(() => child.kill('SIGKILL'));
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  const isDone = (count: number) => eventually(() => printed.split('done').length > count);
  await isDone(1);
  let orders = 1;
  return {
    pid: child.pid,
    async order(what: 'child' | 'work') {
      child.stdin.write(`${what}\n`);
      orders += 1;
      expect(await isDone(orders)).toBe(true);
    },
    async kill() {
      child.kill('SIGKILL');
      expect(await eventually(() => child.signalCode !== null)).toBe(true);
    },
  };
}

async function newPrefix() {
  const directory = await realpath(await temporaryDirectory());
  const prefix = join(directory, 'kong');
  await mkdir(join(prefix, 'pids'), { recursive: true });
  await mkdir(join(directory, 'other'));
  await symlink('kong', join(directory, 'link'));
  await symlink(prefix, join(directory, 'absolute-link'));
  await symlink('loop', join(directory, 'loop'));
  return { directory, prefix };
}

const binary = '/usr/local/openresty/nginx/sbin/nginx';

async function masterWith(parameters: (directory: string) => string) {
  const { directory, prefix } = await newPrefix();
  const master = await startProcess(`nginx: master process ${binary} ${parameters(directory)}`, directory);
  await writeFile(join(prefix, 'pids/nginx.pid'), `${master.pid}\n`);
  return { directory, prefix, master };
}

describe('nginx’s master', () => {
  it.each<readonly [string, (directory: string) => string]>([
    ['as kong start gives it', (directory) => `-p ${directory}/kong -c nginx.conf`],
    ['with slashes, as Docker’s entrypoint passes it', (directory) => `-p ${directory}//kong/ -c nginx.conf`],
    ['by a link', (directory) => `-p ${directory}/link -c nginx.conf`],
    ['by an absolute link', (directory) => `-p ${directory}/absolute-link/ -c nginx.conf`],
    ['relative to its folder', () => '-p kong -c nginx.conf'],
    ['with dots', (directory) => `-p ${directory}/other/../kong -c nginx.conf`],
    ['without a blank', (directory) => `-c nginx.conf -p${directory}/kong`],
  ])('is ours with our prefix: %s', async (_what, parameters) => {
    const { prefix, directory, master } = await masterWith(parameters);

    expect(await nginxProcesses(prefix).findMaster()).toMatchObject({ pid: master.pid });
    // And whatever we call it.
    const link = join(directory, 'link');
    expect(await nginxProcesses(link).findMaster()).toMatchObject({ pid: master.pid });
    const here = relative(process.cwd(), prefix);
    expect(await nginxProcesses(here).findMaster()).toMatchObject({ pid: master.pid });
  });

  it.each<readonly [string, (directory: string) => string]>([
    ['of another prefix', (directory) => `-p ${directory}/other -c nginx.conf`],
    ['of a prefix that is gone', (directory) => `-p ${directory}/gone -c nginx.conf`],
    ['of a prefix below ours', (directory) => `-p ${directory}/kong/pids -c nginx.conf`],
    ['of a link that leads nowhere', (directory) => `-p ${directory}/loop -c nginx.conf`],
    ['of no prefix', () => '-c nginx.conf'],
  ])('is not ours: one %s', async (_what, parameters) => {
    const { prefix, master } = await masterWith(parameters);

    await expect(nginxProcesses(prefix).findMaster()).rejects.toMatchObject({
      code: 'kong',
      message: expect.stringContaining(
        `process ${master.pid}, which ${prefix}/pids/nginx.pid names, is nginx of another prefix`,
      ),
    });
  });
});

describe('what is seen of Kong’s processes', () => {
  const seen = (look: ProcessLook): SeenProcesses => {
    expect(typeof look).toBe('object');
    return look as SeenProcesses;
  };

  it('are the master’s children, and the work of both', async () => {
    const { prefix, master } = await masterWith((directory) => `-p ${directory}/kong -c nginx.conf`);
    const processes = nginxProcesses(prefix);
    const found = await processes.findMaster();
    await master.order('child');

    const first = seen(await processes.look(found));
    await master.order('work');
    await master.order('child');
    const second = seen(await processes.look(found));

    expect([first.children.length, second.children.length]).toEqual([1, 2]);
    expect(second.children.map(({ id }) => id)).toContain(first.children[0]?.id);
    expect(second.master.id).toBe(first.master.id);
    // Of the 300 ms, whatever a busy machine makes of them.
    expect(second.master.cpuMs).toBeGreaterThan(first.master.cpuMs);
    expect(await eventually(async () => !seen(await processes.look(found)).master.isBusy)).toBe(true);
  });

  it('is that the master is gone, also when another process has its id', async () => {
    const { prefix, master } = await masterWith((directory) => `-p ${directory}/kong -c nginx.conf`);
    const processes = nginxProcesses(prefix);
    const found = await processes.findMaster();

    const other = await processes.look({ ...found, startedAt: '1' });
    await master.kill();
    await delay(20);

    expect(other).toBe('gone');
    expect(await processes.look(found)).toBe('gone');
  });

  it('is whether it lives, where there is no /proc', async () => {
    const { prefix, master } = await masterWith((directory) => `-p ${directory}/kong -c nginx.conf`);
    const processes = nginxProcesses(prefix);
    const unseen = { pid: Number(master.pid), startedAt: undefined };

    const alive = await processes.look(unseen);
    await master.kill();

    expect([alive, await processes.look(unseen)]).toEqual(['unseen', 'gone']);
  });
});
