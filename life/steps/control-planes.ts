/** Control planes come and go. */
import { makeOutputId } from '../../lib/operations/outputs.ts';
import { firstControlPlane, type Life, require, secondControlPlane } from '../life.ts';
import { byStack, exportNow, putCertificate } from './first-days.ts';
import { verifyAll } from './people.ts';

export async function addControlPlane(life: Life): Promise<void> {
  await deploySecond(life);
  await putCertificate(life, secondControlPlane);
  await exportNow(life, secondControlPlane);
  require((await life.fetch(byStack(life), await life.pin(), secondControlPlane)) ===
    1, 'the new control plane has no revision 1');
}

/** Its routes go, what it has published stays, and the other one notices nothing. */
export async function removeControlPlane(life: Life): Promise<void> {
  const webhook = life.output(makeOutputId('WebhookUrl', secondControlPlane));
  const grants = life.output(makeOutputId('GrantUrl', secondControlPlane));
  const plan = await life.plan({
    controlPlanes: { [firstControlPlane]: life.describeControlPlane() },
  });
  const lines = await life.diff(plan);
  // An emulator says of each change that it may replace something.
  const harmed = lines.filter((line) =>
    /^\[[-~]\] AWS::(S3|KMS)::.*(destroy|orphan|replace)$/.test(line.trim()),
  );
  require(harmed.length === 0, `a removed control plane would harm the vault:\n${harmed.join('\n')}`);
  await life.deploy(plan);
  for (const [url, method] of [
    [grants, 'GET'],
    [webhook, 'POST'],
  ] as const) {
    const { status } = await fetch(url, { method });
    require(status === 404, `a route of the removed control plane answers ${status}: ${method} ${url}`);
  }
  await exportNow(life, firstControlPlane);
  await life.fetch(byStack(life), await life.pin());
}

/** It goes on with the revisions that it had. */
export async function addControlPlaneAgain(life: Life): Promise<void> {
  await deploySecond(life);
  await putCertificate(life, secondControlPlane);
  await exportNow(life, secondControlPlane);
  require((await life.fetch(byStack(life), await life.pin(), secondControlPlane)) >=
    1, 'the control plane that is back has no file');
  await verifyAll(life, secondControlPlane);
}

async function deploySecond(life: Life): Promise<void> {
  const plan = await life.plan({
    controlPlanes: {
      [firstControlPlane]: life.describeControlPlane(),
      [secondControlPlane]: life.describeControlPlane(),
    },
  });
  const lines = await life.diff(plan);
  require(lines.some((line) =>
    line.includes(secondControlPlane),
  ), `cdk diff does not speak of ${secondControlPlane}`);
  await life.deploy(plan);
}
