import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type EchoUpstream, startEchoUpstream } from '../simulators/kong/echo-upstream.ts';
import { type LocalSystem, startLocalSystem } from './local-system.ts';
import { localTemplate } from './local-template.ts';
import { proxyThroughKong } from './rehearsal/kong-proof.ts';
import { controlPlaneName, isGood, rehearse, rehearsedIntervalSeconds } from './rehearsal/rehearsal.ts';
import type { RehearsedKong } from './rehearsal/rehearsed-kong.ts';
import type { Subject } from './rehearsal/subject.ts';
import { describeEnding } from './rehearsal/summary.ts';
import type { Timeline } from './rehearsal/timeline.ts';
import { serve } from './serve.ts';

export interface RunOptions {
  readonly subject: Subject;
  readonly directory: string;
  readonly kong: RehearsedKong;
  /** Whether that was named. */
  readonly isKongNamed: boolean;
  /** Of the HTTP API. */
  readonly port: number | undefined;
  /** Whether the template has the listening function. */
  readonly listen: boolean | undefined;
  /** Whether to stay up instead of rehearsing. */
  readonly serve: boolean;
  readonly json: boolean;
  readonly say: Timeline;
  /** Takes the result: standard output. */
  readonly print: (text: string) => void;
  /** Gets what was started, for the caller to stop in the end. */
  readonly parts: { stop(): Promise<void> }[];
}

/**
 * Deploys the synthesized template on this machine, and rehearses an outage with it or serves it.
 *
 * @returns whether all of it went well
 */
export async function deployAndRun(options: RunOptions): Promise<boolean> {
  const { subject, directory, kong, isKongNamed, json, say, print, parts } = options;
  const upstream = await startEchoUpstream();
  parts.push(upstream);
  const controlPlane = { ...subject, name: controlPlaneName };
  const template = localTemplate({
    controlPlane,
    dataPlaneVersions: [subject.dataPlaneVersion],
    listen: options.listen,
    // In a directory that is kept, the vault may have the files of another control plane: here that is meant.
    guard: subject.simulator === undefined ? 'off' : undefined,
    settings: options.serve ? {} : { minimumIntervalSeconds: rehearsedIntervalSeconds },
  });
  const system = await startLocalSystem({
    template,
    controlPlane,
    dataDirectory: directory,
    port: options.port,
  });
  parts.push(system);
  say.step('Lifeboat up', `the synthesized template, deployed to a simulated AWS · ${system.apiUrl}`);
  if (options.serve) {
    await serve({ system, subject, directory, json, timeline: say, print });
    return true;
  }
  return rehearseAndReport({ system, subject, upstream, directory, kong, isKongNamed, json, say, print });
}

interface Report {
  readonly system: LocalSystem;
  readonly subject: Subject;
  readonly upstream: EchoUpstream;
  readonly directory: string;
  readonly kong: RehearsedKong;
  readonly isKongNamed: boolean;
  readonly json: boolean;
  readonly say: Timeline;
  readonly print: (text: string) => void;
}

async function rehearseAndReport({
  system,
  subject,
  upstream,
  directory,
  kong,
  isKongNamed,
  json,
  say,
  print,
}: Report): Promise<boolean> {
  const dataPlaneDirectory = join(directory, 'data-plane');
  await mkdir(dataPlaneDirectory, { recursive: true, mode: 0o700 });
  const result = await rehearse({
    system,
    subject,
    timeline: say,
    directory: dataPlaneDirectory,
    upstreamUrl: upstream.url,
  });
  const proxied = await proxyThroughKong({
    kong,
    subject,
    file: result.dataPlane.file,
    directory: dataPlaneDirectory,
  });
  say.result('A Kong data plane', proxied.ok, proxied.description);
  const ok = isGood(result) && proxied.ok !== false;
  const seconds = Math.round(say.seconds() * 10) / 10;
  if (json) {
    print(`${JSON.stringify({ ok, ...result, kong: proxied.ran, seconds })}\n`);
  } else {
    const ending = describeEnding({
      ok,
      result,
      proof: proxied,
      seconds,
      logDirectory: system.logDirectory,
      isReal: subject.simulator === undefined,
      isKongNamed,
      paint: say.paint,
    });
    print(`\n${ending}`);
  }
  return ok;
}
