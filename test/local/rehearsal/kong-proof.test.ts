import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { proxyThroughKong } from '../../../local/rehearsal/kong-proof.ts';
import { type Subject, simulatedControlPlane } from '../../../local/rehearsal/subject.ts';
import { type EchoUpstream, startEchoUpstream } from '../../../simulators/kong/echo-upstream.ts';
import {
  declarativeFile,
  fakeKong,
  removeEverything,
  tableFor,
  temporaryDirectory,
} from '../../simulators/kong/running-kong.ts';

let upstream: EchoUpstream;
let subject: Subject;

beforeAll(async () => {
  upstream = await startEchoUpstream();
  subject = await simulatedControlPlane();
  await subject.simulator?.takeDown();
});

afterEach(removeEverything);

afterAll(async () => {
  await upstream.stop();
});

/** The table of a file whose one route is this path. */
function tableWithPath(path: string) {
  const { services, routes } = tableFor(upstream.url);
  return { services, routes: routes.map((route) => ({ ...route, paths: [path] })) };
}

async function proof(of: Subject, path: string) {
  const directory = await temporaryDirectory();
  const { file } = await declarativeFile(directory, tableWithPath(path));
  return proxyThroughKong({ kong: { path: fakeKong }, subject: of, file, directory });
}

describe('a Kong data plane', () => {
  it('proxies what the file says, though its control plane is away', async () => {
    const result = await proof(subject, '/rehearsal');

    expect(result).toEqual({
      ok: true,
      ran: { version: '3.9.1', proxiedStatus: 200 },
      description: 'Kong 3.9.1, seeded, answered 200 through /rehearsal',
    });
  });

  it('proves nothing good when the simulator’s route is not there', async () => {
    const result = await proof(subject, '/elsewhere');

    expect(result).toMatchObject({ ok: false, ran: { proxiedStatus: 404 } });
  });

  it('need not have our route when the control plane is somebody’s own', async () => {
    const result = await proof({ ...subject, simulator: undefined }, '/elsewhere');

    expect(result).toMatchObject({ ok: true, ran: { proxiedStatus: 404 } });
  });

  it.each<[what: string, configured: object, names: readonly string[], isLeftOut: boolean]>([
    ['in a chain', { filter_chains: [{ filters: [{ name: 'house' }] }] }, ['house', 'unused'], true],
    ['as a plugin', { plugins: [{ name: 'house' }] }, ['house'], true],
    ['in none, though the control plane has some', { plugins: [{ name: 'key-auth' }] }, ['house'], false],
  ])(
    'is left out, and said so, where the file has wasm filters %s',
    async (_, configured, names, isLeftOut) => {
      const directory = await temporaryDirectory();
      const { file } = await declarativeFile(directory, { ...tableWithPath('/rehearsal'), ...configured });

      const result = await proxyThroughKong({
        kong: { path: fakeKong },
        subject: { ...subject, wasmFilters: names },
        file,
        directory,
      });

      const leftOut = {
        ok: null,
        ran: null,
        description: expect.stringContaining('has wasm filters (house)'),
      };
      expect(result).toMatchObject(isLeftOut ? leftOut : { ok: true, ran: { proxiedStatus: 200 } });
    },
  );

  it('is left out, and said so, where there is no Kong', async () => {
    const result = await proxyThroughKong({
      kong: { missing: 'there is none' },
      subject,
      file: 'none',
      directory: 'none',
    });

    expect(result).toMatchObject({
      ok: null,
      ran: null,
      description: 'left out: there is none',
    });
  });
});
