import { afterAll, describe, expect, it } from '@jest/globals';
import { processes, typescript } from '../local/processes.ts';

const children = processes();
afterAll(() => children.stop());

const real = ['--cluster-endpoint', 'kong.example.com:8005', '--cluster-cert', '/nowhere/cluster.crt'];

describe.each([
  [
    'life/rehearse-deploy.ts',
    [
      [['--unknown'], "unknown option '--unknown'\n(see npm run rehearse:deploy -- --help)"],
      [['--endpoint', 'here'], 'for example http://127.0.0.1:4566'],
    ],
  ],
  [
    'life/smoke.ts',
    [
      [['--unknown'], "unknown option '--unknown'\n(see npm run smoke -- --help)"],
      [['--endpoint', 'here'], 'for example http://127.0.0.1:4566'],
      [['--cluster-endpoint', 'https://kong'], 'without a scheme'],
      [['--data-plane-version', '3.9'], 'a full Kong version'],
      [real, 'name one with --cluster-endpoint, --cluster-cert and --cluster-cert-key'],
      [[...real, '--cluster-cert-key', '/nowhere/cluster.key'], '/nowhere/cluster.crt cannot be read'],
    ],
  ],
] as const)('%s', (file, cases) => {
  it('ends with 2 where an option is wrong, says which, and asks nothing', async () => {
    for (const [parameters, words] of cases) {
      const ended = await children.run(process.execPath, typescript(file, ...parameters));

      expect(ended).toMatchObject({ exitCode: 2, stdout: '', stderr: expect.stringContaining(words) });
      expect(ended.stderr).not.toContain('Lifeboat is deployed as');
    }
  });
});
