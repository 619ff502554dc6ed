import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';

/** The least that a function must load that sends a message: the others are measured beside it. */
export const leastToSend = [SQSClient, SendMessageCommand];
