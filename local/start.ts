import { paintFor, startTimeline } from './rehearsal/timeline.ts';
import { prepareStart, type StartOptions, startProgram } from './start-program.ts';

await startProgram(start).parseAsync();

async function start(options: StartOptions): Promise<void> {
  const json = options.json === true;
  // Progress is for people; with --json stdout is for a machine.
  const stream = json ? process.stderr : process.stdout;
  const say = startTimeline((line) => stream.write(line), paintFor(stream));
  const parts: { stop(): Promise<void> }[] = [];
  try {
    const { directory, kong, subject, stop } = await prepareStart(options);
    parts.push({ stop });
    say.title(options.serve === true ? 'Lifeboat on this machine' : 'Lifeboat: rehearsal of an outage');
    say.step('Control plane up', subject.description);
    // Only now: CDK and the AWS SDK take seconds to load, and a wrong flag should be told at once.
    const { deployAndRun } = await import('./deploy-and-run.ts');
    await deployAndRun({
      subject,
      directory,
      kong,
      isKongNamed: options.kong !== undefined,
      port: options.port,
      listen: options.listen,
      serve: options.serve === true,
      json,
      say,
      parts,
    });
  } catch (error) {
    process.stderr.write(`\nnpm start: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  } finally {
    for (const part of parts.reverse()) {
      await part.stop();
    }
  }
}
