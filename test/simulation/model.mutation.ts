import { describe, expect, it } from '@jest/globals';
import { runFaults } from './run-simulate.ts';

describe('npm run faults', () => {
  it('shows both sides of a model that is wrong', async () => {
    // Nothing tries again to send a hook's message.
    const cell = 'sqs.SendMessage: fails after';
    const { status, output } = await runFaults(['--only', cell], {
      file: 'simulation/engine/call.ts',
      find: "case 'fails after':\n      attempt(call.perform);",
      replace: "case 'fails after':",
    });

    expect(status).toBe(1);
    expect(output).toContain(`DIFFERENT: ${cell}`);
    expect(output).toContain('  - after the fault: 3.9.1 revision 1 of 1, the first');
    expect(output).toContain('  + after the fault: 3.9.1 revision 2 of 2, the second');
  });

  it('shows a model that forgets a time limit of the client', async () => {
    const { status, output } = await runFaults(['--json', '--only', 'controlPlane.connect: late'], {
      file: 'simulation/ports/cluster.ts',
      find: 'machine.clock.deadline(connectTimeoutMs, signal)',
      replace: 'signal',
    });

    const { differences, different } = JSON.parse(output);
    expect({ status, differences }).toEqual({ status: 1, differences: 1 });
    expect(different[0].real.batches[1].versions).toEqual([
      '3.9.1 failed (unreachable)',
      '3.4.2 failed (unreachable)',
    ]);
    expect(different[0].model.batches[1].versions).not.toEqual(different[0].real.batches[1].versions);
  });
});
