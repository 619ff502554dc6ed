/** What people ask, and what operators command. */
import * as v from 'valibot';
import { firstControlPlane, type Life, require } from '../life.ts';
import { byStack, exportNow } from './first-days.ts';

const reason = ['--reason', 'rehearsal', '--yes'];
const historyJson = v.object({ versions: v.array(v.object({ revision: v.optional(v.number()) })) });

/** Each question, with what must be in its answer. */
export async function inspect(life: Life): Promise<void> {
  const { kongVersion } = life;
  const newest = await life.revision();
  const version = ['--kong-version', kongVersion];
  const { versions } = await life.ask('operator', ['history', ...life.of(), ...version], historyJson);
  require(versions.map(({ revision }) => revision).join() ===
    Array.from(
      { length: newest },
      (_, index) => newest - index,
    ).join(), `the history is not ${newest} to 1: ${JSON.stringify(versions)}`);
  await life.ask(
    'operator',
    ['show', '1', ...life.of(), ...version],
    v.object({ revision: v.literal(1), entities: v.record(v.string(), v.number()) }),
  );
  if (newest > 1) {
    const { stdout } = await life.lifeboat('operator', [
      ...['diff', '1', String(newest), ...life.of(), ...version],
    ]);
    require(stdout.includes('new'), `diff does not name the service that was created:\n${stdout}`);
  }
  await verifyAll(life, firstControlPlane);
}

/** Signature, bytes, content and chain of each revision that is kept. */
export async function verifyAll(life: Life, controlPlane: string): Promise<void> {
  const { outcome } = await life.ask(
    'operator',
    ['verify', '--all', ...life.of(controlPlane), '--kong-version', life.kongVersion],
    v.object({ outcome: v.string() }),
  );
  require(outcome === 'passed', `lifeboat verify --all: ${outcome}`);
}

/**
 * Back to the first revision, and on from there. A control plane that is only read has no second one before
 * the signing key changes.
 */
export async function rollBackAndUnpin(life: Life): Promise<void> {
  const newest = await life.revision();
  if (newest === 1 && life.parts.subject.simulator === undefined) {
    return;
  }
  await life.lifeboat('operator', ['rollback', '1', ...life.of(), ...reason]);
  const pinned = await life.status();
  require(pinned.pinned &&
    pinned.revision ===
      newest +
        1, `after the rollback revision ${newest + 1} is expected, pinned, and there is ${pinned.revision}`);
  require((await life.fetch(byStack(life), await life.pin())) ===
    newest + 1, 'a data plane does not get the revision that was rolled back to');
  await life.lifeboat('operator', ['unpin', ...life.of(), ...reason]);
  require(!(await life.status()).pinned, 'it is still pinned after unpin');
  await exportNow(life, firstControlPlane);
}

/** A mass deletion waits for a person. */
export async function holdAndApprove(life: Life): Promise<void> {
  const { simulator } = life.parts.subject;
  if (simulator === undefined) {
    return;
  }
  for (let each = 0; each < 12; each += 1) {
    await simulator.create('services', { name: `doomed-${each}`, host: 'example.com' });
  }
  await exportNow(life, firstControlPlane);
  const before = await life.revision();
  await simulator.loseServices('doomed-');
  // It ends with 11: an export that holds something needs attention.
  await life.lifeboat('operator', ['export', ...life.of(), ...reason], [0, 11]);
  const held = await life.status();
  require(held.held !== undefined &&
    held.revision ===
      before, `a mass deletion is not held: revision ${held.revision}, ${JSON.stringify(held.held)}`);
  // It would wait for the next check, which the schedule asks for in an hour.
  await life.lifeboat('operator', ['approve', ...life.of(), ...reason, '--no-wait']);
  await exportNow(life, firstControlPlane);
  require((await life.revision()) > before, 'what was approved is not published');
}

/** Who has no right is told so, where the account checks rights. */
export async function refuseStrangers(life: Life): Promise<void> {
  if (life.account.emulator !== undefined) {
    return;
  }
  await life.lifeboat('data-plane', ['status', ...life.of()], [3]);
  await life.lifeboat('data-plane', ['export', ...life.of(), ...reason], [3]);
}
