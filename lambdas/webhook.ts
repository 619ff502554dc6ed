import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { systemClock } from '../core/clock.ts';
import { doorbell } from '../core/intake/doorbell.ts';
import { secretsManagerHookSecrets } from '../core/intake/secrets-manager-hook-secrets.ts';
import { sqsExportRequests } from '../core/intake/sqs-export-requests.ts';
import { webhookCalls } from './call-limits.ts';
import { readEnvironment } from './environment/read-environment.ts';
import { webhookEnvironment } from './environment/webhook.ts';
import { hookedControlPlane } from './hook-event.ts';
import { jsonAnswer, problemAnswer } from './http-answer.ts';
import { inOurWords } from './in-our-words.ts';
import { logHookSecret } from './secret-log.ts';
import { logger, measure } from './telemetry.ts';

const environment = readEnvironment(webhookEnvironment, process.env);
const targets = new Map(Object.entries(environment.CONTROL_PLANES));

const ring = doorbell({
  isKnown: (controlPlane) => targets.has(controlPlane),
  secrets: secretsManagerHookSecrets({
    secretsManager: new SecretsManagerClient(webhookCalls),
    secretIdOf: (controlPlane) => targets.get(controlPlane)?.secretId ?? '',
    reportOddity: logHookSecret,
    clock: systemClock,
  }),
  requests: sqsExportRequests(
    new SQSClient(webhookCalls),
    (controlPlane) => targets.get(controlPlane)?.queueUrl ?? '',
    environment.COALESCING_WINDOW_SECONDS,
  ),
  acceptSha1: environment.ACCEPT_SHA1,
  clock: systemClock,
});

/**
 * Takes an event hook: verifies, asks for an export, answers. Its body is neither trusted nor kept nor
 * logged.
 */
export const handler = inOurWords(
  async (event: APIGatewayProxyEventV2): Promise<APIGatewayProxyStructuredResultV2> => {
    const controlPlane = hookedControlPlane(event);
    const answer = await ring({
      controlPlane,
      contentType: event.headers['content-type'],
      signature: event.headers['x-kong-signature'],
      body: Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8'),
    });
    if (typeof answer !== 'string') {
      // What strangers send: a name that is not ours never becomes a metric's dimension.
      if (targets.has(controlPlane)) {
        measure(controlPlane, { HooksRefused: 1 });
      }
      logger.warn('hook refused', { status: answer.status, title: answer.title });
      return problemAnswer(answer);
    }
    if (answer === 'ping') {
      return jsonAnswer(200, { status: 'pong' });
    }
    logger.info('export requested', { controlPlane });
    measure(controlPlane, { HooksAccepted: 1 });
    return jsonAnswer(202, { status: 'accepted' });
  },
);
