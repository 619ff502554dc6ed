/** A deployment, its first file, and the first change. */
import { writeFile } from 'node:fs/promises';
import { makeOutputId } from '../../lib/operations/outputs.ts';
import { firstControlPlane, type Life, require } from '../life.ts';
import { runCdk } from '../programs.ts';

/** In one go, on an emulator. The account of a person has been bootstrapped as they want it. */
export async function bootstrap({ account }: Life, regions: readonly string[]): Promise<void> {
  await runCdk(account, ['bootstrap', ...regions.map((region) => `aws://${account.id}/${region}`)]);
}

export async function deployFirst(life: Life): Promise<void> {
  const plan = await life.plan({});
  require((await life.diff(plan)).length > 0, 'cdk diff sees nothing to deploy where nothing is');
  await life.deploy(plan);
}

/** What is deployed is what was synthesized: else the next deployment would change what nobody meant. */
export async function findNoDrift(life: Life): Promise<void> {
  const lines = await life.diff(await life.plan({}));
  require(lines.length === 0, `cdk diff sees a difference right after the deployment:\n${lines.join('\n')}`);
}

/** A data plane that asks before anything is published is told so: S3 says 404 to who may list the prefix. */
export async function findNoFile(life: Life): Promise<void> {
  await life.fetchInVain(byStack(life), await life.pin(), 4);
}

export function byStack({ parts }: Life): readonly string[] {
  return ['--stack', parts.stackName];
}

/** The certificate into its secret, a ping as Kong's, and the first file. */
export async function publishFirst(life: Life): Promise<void> {
  await putCertificate(life, firstControlPlane);
  await life.lifeboat('administrator', ['hooks', 'test', ...life.of()]);
  await exportNow(life, firstControlPlane);
  require((await life.revision()) === 1, 'the first export has not published revision 1');
}

export async function putCertificate(life: Life, controlPlane: string): Promise<void> {
  const { certificate, key, ca } = life.parts.subject.certificate;
  const files = { cert: certificate, key, ca };
  for (const [name, pem] of Object.entries(files)) {
    if (pem !== undefined) {
      await writeFile(life.file(`cluster.${name}`), pem, { mode: 0o600 });
    }
  }
  await life.lifeboat('administrator', [
    'certificate',
    'put',
    ...life.of(controlPlane),
    '--cluster-cert',
    life.file('cluster.cert'),
    '--cluster-cert-key',
    life.file('cluster.key'),
    ...(ca === undefined ? [] : ['--cluster-ca-cert', life.file('cluster.ca')]),
    '--yes',
  ]);
}

export async function exportNow(life: Life, controlPlane: string): Promise<void> {
  await life.lifeboat('operator', ['export', ...life.of(controlPlane), '--reason', 'rehearsal', '--yes']);
}

/** Over the API, and by invoking the function as data planes of private networks do. */
export async function fetchBothWays(life: Life): Promise<void> {
  const pin = await life.pin();
  const published = await life.revision();
  const grantFunction = life.output(makeOutputId('GrantFunctionArn', firstControlPlane));
  for (const how of [byStack(life), ['--endpoint', grantFunction]]) {
    const fetched = await life.fetch(how, pin);
    require(fetched === published, `revision ${published} is published, and fetch got ${fetched}`);
  }
}

/** A change comes by the event hook of `lifeboat hooks install`, where the control plane may be changed. */
export async function followChange(life: Life): Promise<void> {
  const { simulator } = life.parts.subject;
  const before = await life.revision();
  if (simulator === undefined) {
    // A person's control plane is only read. A revision more comes from a command, later on.
    await life.lifeboat('administrator', ['hooks', 'test', ...life.of()]);
    return;
  }
  await life.lifeboat('administrator', [
    ...['hooks', 'install', ...life.of(), '--admin-url', simulator.adminUrl],
    '--no-ssl-verify',
  ]);
  await simulator.create('services', { name: 'new', host: 'example.com' });
  await life.until('the revision of a change', async () =>
    (await life.revision()) > before ? true : undefined,
  );
}
