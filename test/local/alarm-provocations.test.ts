/**
 * Each alarm of the template, provoked by what it is about, and over once that is mended. CloudWatch's
 * evaluation is played (simulators/aws/alarm-evaluation.ts); its clock alone goes ahead.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { GetPublicKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { HeadObjectCommand } from '@aws-sdk/client-s3';
import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import {
  DeleteMessageBatchCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../core/clock.ts';
import { maxTries } from '../../core/export/export-batch.ts';
import { requestGrant } from '../../core/fetch/grant-request.ts';
import { systemRandom } from '../../core/random-source.ts';
import { configFileKey } from '../../core/vault/config-file-name.ts';
import type { ControlPlaneStatus } from '../../core/vault/config-vault.ts';
import { kmsSigner } from '../../core/vault/kms-signer.ts';
import { nameHeld } from '../../core/vault/plausibility.ts';
import { s3ConfigVault } from '../../core/vault/s3-config-vault.ts';
import { readStatus, recordStatus } from '../../core/vault/status.ts';
import { type LocalSystem, startLocalSystem } from '../../local/local-system.ts';
import { describeSimulated, localTemplate } from '../../local/local-template.ts';
import { sendAsOperator } from '../../local/rehearsal/operator.ts';
import { sharedCertificate } from '../../simulators/kong/control-plane/certificates.ts';
import { type ControlPlane, startControlPlane } from '../../simulators/kong/control-plane/control-plane.ts';
import { resourceId, type SynthesizedTemplate } from '../../template/template.ts';
import { issue } from '../core/access/certificates.ts';
import { eventually } from './processes.ts';

/** Of a second region, which is not deployed here: S3's replication and its metrics are AWS's own. */
const notPlayed = [
  'Grant in the second region', // The metric and the rule of "Grant while the control plane is healthy".
  'Replica behind',
  'Replication failing',
];
/** A listener must listen for eight minutes of its own clock (test/core/listen/listener.test.ts has them). */
const notEnded = ['Not listening'];

const name = { controlPlane: 'prod', kongVersion: '3.9.1' };
const notServedVersion = '3.10.0';
const schedule = 5 * 60;
const watch = 3 * schedule;

let directory: string;
let template: SynthesizedTemplate;
let certificates: Awaited<ReturnType<typeof sharedCertificate>>;
let controlPlane: ControlPlane;
let system: LocalSystem;
/** The signing key that signs nothing now. */
let furtherKey: string;
let outputs: ReadonlyMap<string, string>;
const clients: { destroy(): void }[] = [];

function client<Client extends { destroy(): void }>(
  Type: new (options: object) => Client,
  service: 'KMS' | 'SQS' | 'SECRETS_MANAGER' | 'CLOUDFORMATION',
  credentials: unknown = system.administrator,
): Client {
  const endpoint = system.awsEndpoints[`AWS_ENDPOINT_URL_${service}`];
  const made = new Type({ region: system.region, endpoint, credentials });
  clients.push(made);
  return made;
}

const startOne = () =>
  startControlPlane({
    mtls: 'shared',
    dbUpdateFrequencySeconds: 0.1,
    customPlugins: {},
    certificates: { controlPlane: certificates, dataPlane: certificates },
    ...(controlPlane === undefined ? {} : { ports: controlPlane.ports }),
  });

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lifeboat-alarms-'));
  certificates = await sharedCertificate();
  controlPlane = await startOne();
  const subject = describeSimulated(controlPlane, name.controlPlane);
  template = localTemplate({
    controlPlane: subject,
    dataPlaneVersions: [name.kongVersion, notServedVersion],
    listen: true,
    settings: { minimumIntervalSeconds: 0, signingKeys: ['first', 'second'] },
  });
  system = await startLocalSystem({ template, controlPlane: subject, dataDirectory: directory });
  const { Stacks: [stack] = [] } = await client(CloudFormationClient, 'CLOUDFORMATION').send(
    new DescribeStacksCommand({ StackName: system.stackName }),
  );
  outputs = new Map(
    (stack?.Outputs ?? []).map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]),
  );
}, 120_000);

afterAll(async () => {
  for (const each of clients) {
    each.destroy();
  }
  await Promise.all([system.stop(), controlPlane.stop()]);
  await rm(directory, { recursive: true });
});

const functionNamed = (start: string) => resourceId(template, 'AWS::Lambda::Function', start);
const queueNamed = (start: string) =>
  `${system.awsEndpoints.AWS_ENDPOINT_URL_SQS}/000000000000/${resourceId(template, 'AWS::SQS::Queue', start)}.fifo`;

/** A check that its last try has come to, as Lambda would hand it to the function after the others. */
async function check(times = 1): Promise<void> {
  const body = JSON.stringify({ command: 'export', cause: 'schedule', at: new Date().toISOString() });
  for (let time = 0; time < times; time += 1) {
    const attributes = { ApproximateReceiveCount: String(maxTries) };
    await system.administration.invoke(functionNamed('Export'), {
      Records: [{ messageId: randomUUID(), receiptHandle: 'none', body, attributes }],
    });
  }
}

const putCertificate = (value: object) =>
  client(SecretsManagerClient, 'SECRETS_MANAGER').send(
    new PutSecretValueCommand({
      SecretId: outputs.get('ClusterCertificateArnprod'),
      SecretString: JSON.stringify(value),
      ClientRequestToken: randomUUID(),
    }),
  );

async function change(): Promise<void> {
  const before = controlPlane.builtHash();
  await fetch(`${controlPlane.adminUrl}/services`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: `s-${randomUUID()}`, url: 'http://service.example' }),
  });
  await eventually(() => controlPlane.builtHash() !== before);
}

/** With the rights of the export's role, which alone may write. */
async function openVault() {
  const { SSEKMSKeyId = '' } = await system.clients.reader.send(
    new HeadObjectCommand({ Bucket: system.bucket, Key: configFileKey(name) }),
  );
  const kms = client(KMSClient, 'KMS', system.clients.exporter.config.credentials);
  return {
    vault: s3ConfigVault({
      s3: system.clients.exporter,
      bucket: system.bucket,
      encryptionKeyArn: SSEKMSKeyId,
    }),
    signer: kmsSigner(kms, system.signingKeyArn),
  };
}

async function currentRevision(): Promise<number> {
  const { status } = await readStatus(await openVault(), name.controlPlane);
  return status?.versions.find(({ kongVersion }) => kongVersion === name.kongVersion)?.revision ?? 0;
}

async function rewriteStatus(edit: (status: ControlPlaneStatus) => ControlPlaneStatus): Promise<void> {
  const parts = await openVault();
  const { status, etag } = await readStatus(parts, name.controlPlane);
  if (status === undefined) {
    throw new Error('there is no status yet');
  }
  await recordStatus(parts, edit(status), { etag });
}

async function findFurtherSigningKey(): Promise<string> {
  for (const arn of system.administration.listKeys()) {
    const isForSigning = await system.clients.kms
      .send(new GetPublicKeyCommand({ KeyId: arn }))
      .then(() => true)
      .catch(() => false);
    if (isForSigning && arn !== system.signingKeyArn) {
      return arn;
    }
  }
  throw new Error('there is no second signing key');
}

const askForGrant = () =>
  requestGrant({
    endpoint: new URL(system.apiUrl),
    ...name,
    authentication: { by: 'iam', region: system.region, credentials: system.dataPlane },
    timeoutMs: 30_000,
    clock: systemClock,
    random: systemRandom,
  });

const headingOf = (alarm: string) => alarm.replace(/^\S+( prod)?: /, '');

/** Headings of the alarms that ring. */
function ringing(): readonly string[] {
  return [...system.evaluateAlarms()]
    .filter(([, state]) => state === 'ALARM')
    .map(([alarm]) => headingOf(alarm))
    .sort();
}

/** What functions print is read a moment later. */
const ring = (heading: string) => eventually(() => ringing().includes(heading), 60);
const isOver = (heading: string) => eventually(() => !ringing().includes(heading), 60);

interface Provocation {
  readonly headings: readonly string[];
  readonly provoke: () => Promise<unknown>;
  /** @default it is over by itself */
  readonly mend?: () => Promise<unknown>;
  /** After which the alarms are over, once a check has been. @default three schedules */
  readonly laterSeconds?: number;
}

/** In this order: what is told once in the life of a function comes first. */
const provocations: readonly Provocation[] = [
  {
    // Everything is wrong at the first deployment.
    headings: [
      'No file verified',
      'Export failing',
      'Data plane version without a file',
      'Cluster certificate ending',
      'Signing key missing',
    ],
    async provoke() {
      furtherKey = await findFurtherSigningKey();
      const { pem, keyPem } = await issue({
        notBefore: new Date(Date.now() - 3600_000),
        notAfter: new Date(Date.now() + 10 * 86_400_000),
      });
      await putCertificate({ certificate: pem, key: keyPem });
      system.administration.disableKey(furtherKey);
      await check(2);
    },
    async mend() {
      system.administration.enableKey(furtherKey);
      await putCertificate(certificates);
    },
  },
  {
    // None has succeeded before anything was published.
    headings: ['Drill failing'],
    provoke: async () => undefined,
    mend: () => system.playDrill(),
  },
  {
    headings: ['Not listening'],
    async provoke() {
      await check();
    },
  },
  {
    headings: ['Control plane unreachable'],
    async provoke() {
      await controlPlane.stop();
      await check(maxTries + 1);
    },
    async mend() {
      controlPlane = await startOne();
    },
  },
  {
    headings: ['Webhook failing'],
    provoke: async () => {
      for (let time = 0; time < 3; time += 1) {
        await system.administration.invoke(functionNamed('Intake'), {});
      }
    },
  },
  {
    headings: ['Export function crashing'],
    provoke: async () => {
      for (let time = 0; time < 3; time += 1) {
        await system.administration.invoke(functionNamed('Export'), {});
      }
    },
  },
  {
    headings: ['Grants failing'],
    async provoke() {
      system.administration.setInvocable(system.grantFunctionArn, false);
      await expect(askForGrant()).rejects.toThrow();
    },
    async mend() {
      system.administration.setInvocable(system.grantFunctionArn, true);
    },
  },
  {
    headings: ['Grant while the control plane is healthy'],
    async provoke() {
      await check();
      await askForGrant();
    },
  },
  {
    headings: ['Foreign object replaced'],
    async provoke() {
      const { vault } = await openVault();
      const current = await vault.current(name);
      await vault.publish(name, {
        gzip: Buffer.from('not ours'),
        manifest: 'nor is this',
        replaces: current?.etag,
      });
      await check();
    },
  },
  {
    headings: ['Bucket keeps no versions'],
    async provoke() {
      system.administration.setVersioning('Suspended');
      await change();
      await check();
    },
    async mend() {
      system.administration.setVersioning('Enabled');
    },
  },
  {
    headings: ['Configuration held'],
    async provoke() {
      await controlPlane.loseRows('plugins', () => true);
      await check();
    },
    async mend() {
      const { status } = await readStatus(await openVault(), name.controlPlane);
      const sees = status?.held === undefined ? '' : nameHeld(status.held);
      await sendAsOperator(system, name.controlPlane, 'approve', { sees });
    },
  },
  {
    headings: ['Configuration pinned'],
    async provoke() {
      const revision = await currentRevision();
      await sendAsOperator(system, name.controlPlane, 'rollback', {
        version: name.kongVersion,
        revision: 1,
        sees: revision,
      });
      for (const hours of [6, 6, 6, 0]) {
        await check();
        system.passTime(hours * 3600);
      }
    },
    async mend() {
      const revision = await currentRevision();
      await sendAsOperator(system, name.controlPlane, 'unpin', {
        version: name.kongVersion,
        sees: revision,
      });
    },
    laterSeconds: 6 * 3600,
  },
  {
    headings: ['Data plane version not served'],
    async provoke() {
      await rewriteStatus((status) => ({
        ...status,
        notServed: (status.notServed ?? []).map((each) => ({
          ...each,
          since: new Date(each.since.getTime() - 10 * 60_000),
        })),
      }));
      await check();
    },
    async mend() {
      // A node of the control plane has served it.
      await rewriteStatus(({ notServed: _, ...status }) => status);
    },
  },
  {
    headings: ['Dead letters'],
    async provoke() {
      await client(SQSClient, 'SQS').send(
        new SendMessageCommand({
          QueueUrl: queueNamed('ExportprodQueue'),
          MessageBody: '{"command":"erase"}',
          MessageGroupId: 'prod',
        }),
      );
    },
    async mend() {
      const sqs = client(SQSClient, 'SQS');
      const QueueUrl = queueNamed('ExportprodDeadLetters');
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({
          QueueUrl,
          MaxNumberOfMessages: 10,
          WaitTimeSeconds: 1,
          MessageSystemAttributeNames: ['All'],
        }),
      );
      await sqs.send(
        new DeleteMessageBatchCommand({
          QueueUrl,
          Entries: Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle })),
        }),
      );
    },
  },
  {
    headings: ['Changes waiting in the queue'],
    async provoke() {
      // It is delayed for two seconds, in which a quarter of an hour passes for CloudWatch.
      await system.ringSchedule();
      system.passTime(15 * 60);
    },
    mend: () => eventually(() => system.isIdle(), 60),
  },
];

describe('each alarm of the template', () => {
  it('is provoked here, or said not to be, with the reason', () => {
    const sections = (readFileSync('docs/runbook.md', 'utf8').split(/^# /m)[2] ?? '').matchAll(/^## (.+)$/gm);
    const ofTemplate = [...system.evaluateAlarms().keys()].map(headingOf);
    const played = provocations.flatMap(({ headings }) => headings);

    expect(played.toSorted()).toEqual(ofTemplate.toSorted());
    // Each alarm has a section (test/lib/operations/runbook.test.ts).
    expect([...sections].map(([, heading]) => heading).toSorted()).toEqual(
      [...played, ...notPlayed].toSorted(),
    );
  });

  it.each(provocations.map((each) => [each.headings.join(', '), each] as const))(
    '%s: rings for what it is about, and is over when that is mended',
    async (_title, { headings, provoke, mend, laterSeconds = watch }) => {
      await provoke();
      const rang = await Promise.all(headings.map(ring));

      await mend?.();
      // A check that has begun before may measure what was so then, as late as a busy machine lets it.
      await eventually(() => system.isIdle());
      system.passTime(laterSeconds + 60);
      await check();
      const ending = headings.filter((heading) => !notEnded.includes(heading));
      const isEnded = await Promise.all(ending.map(isOver));

      expect(headings.filter((_, index) => !rang[index])).toEqual([]);
      expect(ending.filter((_, index) => !isEnded[index])).toEqual([]);
    },
  );
});
