/** The messages that this commit sends to the export function, by their cause. */
import type { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { sqsBell } from '../../core/intake/sqs-bell.ts';
import { sqsExportRequests } from '../../core/intake/sqs-export-requests.ts';
import { parseSettings } from '../../lib/settings/settings.ts';
import { synthesizedTemplate } from '../../template/synthesized-stack.ts';
import { resourceId } from '../../template/template.ts';
import { controlPlaneName, dataPlaneVersion } from './publishing.ts';

const queueUrl = 'https://queue';

/** @param configHash what the listener rings with */
export async function writeQueueMessages(configHash: string): Promise<Readonly<Record<string, string>>> {
  const now = new Date();
  return {
    'event-hook': await bodySent((sqs) =>
      sqsExportRequests(sqs, () => queueUrl, 1).request(controlPlaneName, now),
    ),
    schedule: scheduledMessage(),
    // As docs/runbook.md tells people to send it.
    manual: JSON.stringify({ command: 'export', version: 1, cause: 'manual', at: '2026-11-26T08:00:00Z' }),
    listen: await bodySent((sqs) =>
      sqsBell(sqs, queueUrl, controlPlaneName).ring({ at: now, configHash }, AbortSignal.timeout(10_000)),
    ),
  };
}

async function bodySent(send: (sqs: SQSClient) => Promise<unknown>): Promise<string> {
  const sent: string[] = [];
  await send({
    send: async ({ input }: SendMessageCommand) => sent.push(input.MessageBody ?? ''),
  } as unknown as SQSClient);
  return sent.join();
}

/** What EventBridge Scheduler makes of the template's input. */
function scheduledMessage(): string {
  const template = synthesizedTemplate(
    parseSettings({
      controlPlanes: {
        [controlPlaneName]: {
          clusterEndpoint: 'kong-cp.example.com:8005',
          dataPlaneVersions: [dataPlaneVersion],
        },
      },
    }),
  );
  const schedule = template.Resources[resourceId(template, 'AWS::Scheduler::Schedule', 'Exportprod')];
  const target = schedule?.Properties['Target'] as { readonly Input: string } | undefined;
  return (target?.Input ?? '').replace('<aws.scheduler.scheduled-time>', '2026-11-26T08:00:00Z');
}
