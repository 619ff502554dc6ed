import { paintFor, startTimeline } from './rehearsal/timeline.ts';
import { prepareStart, type StartOptions } from './start-program.ts';

type Output = NodeJS.WritableStream & { readonly isTTY?: boolean };

/**
 * Runs `npm start` to its end: for `--serve` until a signal comes.
 *
 * @returns whether all of it went well; what went wrong is on standard error
 */
export async function runStart(
  options: StartOptions,
  { stdout, stderr }: { readonly stdout: Output; readonly stderr: Output },
): Promise<boolean> {
  const json = options.json === true;
  // Progress is for people; with --json stdout is for a machine.
  const stream = json ? stderr : stdout;
  const say = startTimeline((line) => stream.write(line), paintFor(stream));
  const parts: { stop(): Promise<void> }[] = [];
  try {
    const { directory, kong, subject, stop } = await prepareStart(options);
    parts.push({ stop });
    say.title(options.serve === true ? 'Lifeboat on this machine' : 'Lifeboat: rehearsal of an outage');
    say.step('Control plane up', subject.description);
    // Only now: CDK and the AWS SDK take seconds to load, and a wrong flag should be told at once.
    const { deployAndRun } = await import('./deploy-and-run.ts');
    return await deployAndRun({
      subject,
      directory,
      kong,
      isKongNamed: options.kong !== undefined,
      port: options.port,
      listen: options.listen,
      serve: options.serve === true,
      json,
      say,
      print: (text) => stdout.write(text),
      parts,
    });
  } catch (error) {
    stderr.write(`\nnpm start: ${error instanceof Error ? error.message : String(error)}\n`);
    return false;
  } finally {
    for (const part of parts.reverse()) {
      await part.stop();
    }
  }
}
