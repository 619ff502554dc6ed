import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { systemClock } from '../../core/clock.ts';
import { seedKong } from '../../core/standby/seed.ts';
import { startKongNode } from '../../simulators/kong/kong-node.ts';
import type { RehearsedKong } from './rehearsed-kong.ts';
import type { Subject } from './subject.ts';

export interface KongProof {
  readonly kong: RehearsedKong;
  readonly subject: Subject;
  /** The verified file of the new data plane. */
  readonly file: string;
  readonly directory: string;
}

export interface Proof {
  /** Null where there is no Kong on this machine. */
  readonly ok: boolean | null;
  readonly ran: { readonly version: string; readonly proxiedStatus: number } | null;
  readonly description: string;
}

const filteredFile = v.object({
  filter_chains: v.optional(
    v.array(v.object({ filters: v.optional(v.array(v.object({ name: v.string() })), []) })),
    [],
  ),
  plugins: v.optional(v.array(v.object({ name: v.string() })), []),
});

/** The filters that a file is configured with: since Kong 3.9 each may be a plugin as well. */
async function findFilters(file: string, names: readonly string[]): Promise<readonly string[]> {
  if (names.length === 0) {
    return [];
  }
  const { filter_chains: chains, plugins } = v.parse(filteredFile, JSON.parse(await readFile(file, 'utf8')));
  const configured = [...chains.flatMap(({ filters }) => filters), ...plugins].map(({ name }) => name);
  return names.filter((name) => configured.includes(name));
}

/** Starts a stock data plane without a control plane, seeds it as standby does, and sends a request. */
export async function proxyThroughKong({ kong, subject, file, directory }: KongProof): Promise<Proof> {
  if ('missing' in kong) {
    return { ok: null, ran: null, description: `left out: ${kong.missing}` };
  }
  const filters = await findFilters(file, subject.wasmFilters ?? []);
  if (filters.length > 0) {
    return {
      ok: null,
      ran: null,
      description:
        `left out: the file has wasm filters (${filters.join(', ')}), and loads only on a node with wasm = on and these filters ` +
        'in its wasm_filters_path',
    };
  }
  // A data plane is new without the cache that an earlier rehearsal left in its prefix.
  await rm(join(directory, 'kong'), { recursive: true, force: true });
  const node = await startKongNode({
    kong: kong.path,
    directory,
    clusterEndpoint: subject.clusterEndpoint,
    mtls: subject.mtls,
    serverName: subject.serverName,
    certificate: subject.certificate,
  });
  try {
    const md5 = createHash('md5')
      .update(await readFile(file))
      .digest('hex');
    await seedKong({
      prefix: node.prefix,
      statusUrl: node.statusUrl,
      file,
      md5,
      timeoutMs: 30_000,
      clock: systemClock,
    });
    const { status } = await fetch(`${node.proxyUrl}/rehearsal`);
    // Only the simulator has our route; of a real control plane's routes we know nothing.
    const ok = subject.simulator === undefined || status === 200;
    return {
      ok,
      ran: { version: node.version, proxiedStatus: status },
      description: `Kong ${node.version}, seeded, answered ${status} through /rehearsal`,
    };
  } finally {
    await node.stop();
  }
}
