import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as v from 'valibot';
import { processes } from '../../local/processes.ts';
import { readUnit, type Unit } from './systemd.ts';

// What the unit hangs on, of the package's (Kong/kong, build/package/kong.service).
const kongService = `[Unit]
Description=Kong
[Service]
User=root
ExecStart=/bin/true
[Install]
WantedBy=multi-user.target
`;
const assessment = v.pipe(v.string(), v.regex(/Overall exposure level for \S+: \d+\.\d/));

const children = processes();
let unit: Unit;
let folder: string;
let file: string;

beforeAll(async () => {
  unit = await readUnit();
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-systemd-'));
  file = join(folder, 'lifeboat-standby.service');
  // It is not installed on this machine.
  await writeFile(file, unit.text.replace('/usr/local/bin/lifeboat', process.execPath));
  await writeFile(join(folder, 'kong.service'), kongService);
});

afterAll(async () => {
  await children.stop();
  await rm(folder, { recursive: true });
});

// Where it is missing it is installed.
const systemdAnalyze = (...parameters: readonly string[]) =>
  children.run('test/examples/from-debian.sh', ['systemd', 'systemd-analyze', ...parameters]);

describe('the systemd unit', () => {
  it('passes systemd’s own check', async () => {
    const { exitCode, stdout, stderr } = await systemdAnalyze('verify', '--man=no', file);

    expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  });

  it('is exposed little, as systemd sees it', async () => {
    const { stdout } = await systemdAnalyze('security', '--offline=true', '--no-pager', file);

    const [, level = ''] = /exposure level for \S+: (\d+\.\d)/.exec(v.parse(assessment, stdout)) ?? [];
    expect(Number(level)).toBeLessThanOrEqual(3);
  });

  it('starts with each start of Kong, behind it, and goes down with it', () => {
    const relations = ['After', 'PartOf', 'WantedBy'].map((name) => unit.setting(name));

    expect(relations).toEqual(['kong.service', 'kong.service', 'kong.service']);
  });

  it('is started again when it fails, and not when it is done or told nonsense', () => {
    const restarts = ['Restart', 'RestartPreventExitStatus'].map((name) => unit.setting(name));

    expect(restarts).toEqual(['on-failure', '2']);
    expect(unit.parameters).not.toContain('--stay');
  });

  it('may write into Kong’s prefix and nowhere else', () => {
    const { KONG_PREFIX: prefix } = unit.environment;

    expect([unit.setting('ProtectSystem'), unit.setting('ReadWritePaths')]).toEqual(['strict', prefix]);
  });

  it.each(['ProtectProc', 'PrivateUsers', 'MemoryDenyWriteExecute', 'PrivatePIDs'])(
    'does without %s, with which it could not work',
    (name) => {
      const value = unit.setting(name);

      expect(value).toBeUndefined();
    },
  );
});
