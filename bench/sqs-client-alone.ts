import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';

/**
 * What a program loads that sends a message, with the SDK as it is. Functions are measured beside it, which
 * do without its other sources of credentials.
 */
export const leastToSend = [SQSClient, SendMessageCommand];
