import { sign } from 'node:crypto';
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { QueuedMessage } from '../../core/export/export-queue.ts';
import { VaultError } from '../../core/vault/errors.ts';
import type { Signer } from '../../core/vault/signer.ts';
import { type CallWorld, makeCall } from '../engine/call.ts';
import type { Machine } from '../engine/machine.ts';
import type { CallName } from '../faults.ts';
import type { SigningKey } from '../world/keys.ts';
import type { FifoQueue } from '../world/queue.ts';

/**
 * @param findKey the key that signs now
 * @param signal ends each call
 */
export function simulatedSigner(
  world: CallWorld,
  machine: Machine,
  findKey: () => SigningKey,
  signal?: AbortSignal,
): Signer {
  const fail = (how: string) => new VaultError('unavailable', `KMS ${how}`);
  const aborted = () => fail('did not answer');
  return {
    verificationKey: () =>
      makeCall(world, machine, {
        name: 'signer.verificationKey',
        perform: () => findKey().verification,
        fail,
        signal,
        aborted,
      }),
    sign: (message) =>
      makeCall(world, machine, {
        name: 'signer.sign',
        perform: () => sign('sha256', message, { key: findKey().privateKey, dsaEncoding: 'ieee-p1363' }),
        fail,
        signal,
        aborted,
      }),
    within: (other) => simulatedSigner(world, machine, findKey, other),
  };
}

/** @param findValue the secret's value in a stage; undefined where there is none */
export function simulatedSecretsManager(
  world: CallWorld,
  machine: Machine,
  findValue: (secretId: string, stage: string) => string | undefined,
): SecretsManagerClient {
  return simulatedClient(world, machine, 'secretsManager', {
    GetSecretValue: ({ SecretId, VersionStage }) => ({
      SecretString: findValue(String(SecretId), String(VersionStage)),
    }),
  }) as unknown as SecretsManagerClient;
}

interface VisibilityEntry {
  readonly Id: string;
  readonly ReceiptHandle: string;
  readonly VisibilityTimeout: number;
}

/** @param findQueue the queue of a URL */
export function simulatedSqs(
  world: CallWorld,
  machine: Machine,
  findQueue: (url: string) => FifoQueue,
): SQSClient {
  return simulatedClient(world, machine, 'sqs', {
    SendMessage({ QueueUrl, MessageBody, MessageDeduplicationId }) {
      findQueue(String(QueueUrl)).send(String(MessageBody), String(MessageDeduplicationId));
      return {};
    },
    ChangeMessageVisibilityBatch({ QueueUrl, Entries }) {
      const delayed = (Entries as readonly VisibilityEntry[]).map(
        ({ Id, ReceiptHandle, VisibilityTimeout }) => ({
          message: { id: Id, receipt: ReceiptHandle, body: '', receiveCount: 0 } satisfies QueuedMessage,
          afterSeconds: VisibilityTimeout,
        }),
      );
      findQueue(String(QueueUrl)).putBack(delayed);
      return {};
    },
  }) as unknown as SQSClient;
}

/** A client of one of AWS's services: what its commands do, by their names. */
function simulatedClient(
  world: CallWorld,
  machine: Machine,
  service: string,
  operations: Readonly<Record<string, (input: Readonly<Record<string, unknown>>) => unknown>>,
) {
  return {
    send(
      command: { readonly input: Readonly<Record<string, unknown>> },
      options?: { readonly abortSignal?: AbortSignal },
    ): Promise<unknown> {
      const operation = command.constructor.name.replace(/Command$/, '');
      const perform = operations[operation];
      if (perform === undefined) {
        throw new TypeError(`${operation} of ${service} is not simulated`);
      }
      return makeCall(world, machine, {
        name: `${service}.${operation}` as CallName,
        perform: () => perform(command.input),
        fail: (how) =>
          how === 'throttled'
            ? serviceError('ThrottlingException', 'Rate exceeded')
            : serviceError('InternalFailure', 'The service failed'),
        signal: options?.abortSignal,
      });
    },
  };
}

function serviceError(name: string, message: string): Error {
  return Object.assign(new Error(message), { name });
}
