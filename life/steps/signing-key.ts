/** The signing key is rotated, as the runbook says it (docs/runbook.md#rotating-the-signing-key). */
import { readFile } from 'node:fs/promises';
import { firstControlPlane, type Life, require } from '../life.ts';
import { byStack, exportNow } from './first-days.ts';
import { verifyAll } from './people.ts';

const [first, second] = ['first', 'second'];

/** A key that signs nothing yet can be pinned. */
export async function makeSecondKey(life: Life): Promise<void> {
  await life.change({ signingKeys: [first, second] });
  life.output(`PublicKeyCommand${second}`);
}

/** From the next export on everything is signed with it, though nothing has changed. */
export async function signWithSecondKey(life: Life): Promise<void> {
  const oldPin = await life.pin();
  await life.change({ signingKeys: [second, first] });
  await exportNow(life, firstControlPlane);
  const newPin = await life.pin();
  require(oldPin !== newPin, 'the key that signs is still the first one');
  await life.fetch(byStack(life), newPin);
  await life.fetchInVain(byStack(life), oldPin, 6);
  await verifyAll(life, firstControlPlane);
  await retireFirstKey(life, oldPin);
}

/** What the old key has signed is still known as ours. */
async function retireFirstKey(life: Life, oldPin: string): Promise<void> {
  await life.change({ signingKeys: [second], retiredSigningKeys: [await readFile(oldPin, 'utf8')] });
  await exportNow(life, firstControlPlane);
  await verifyAll(life, firstControlPlane);
}
