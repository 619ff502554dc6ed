import { describe, expect, it } from '@jest/globals';
import { commandCall } from '../../lambdas/command-event.ts';

const userArn = 'arn:aws:sts::111122223333:assumed-role/on-call/anna';
const event = {
  version: '2.0',
  rawPath: '/control-planes/prod/commands/rollback',
  pathParameters: { command: 'rollback' },
  requestContext: {
    requestId: 'JKJaXmPLvHcESHA=',
    http: { method: 'POST' },
    authorizer: { iam: { userArn } },
  },
  body: '{"sees":2}',
  isBase64Encoded: false,
};

describe('an event of the export function', () => {
  it('is a command where API Gateway sends it, with who has signed it', () => {
    expect(commandCall(event)).toEqual({
      command: 'rollback',
      caller: userArn,
      body: Buffer.from('{"sees":2}'),
      requestId: 'JKJaXmPLvHcESHA',
    });
  });

  it('may have its body in base64, or none', () => {
    const { body: _, ...without } = event;
    const encoded = { ...event, body: Buffer.from('{}').toString('base64'), isBase64Encoded: true };

    expect([encoded, without].map((each) => commandCall(each)?.body.toString())).toEqual(['{}', '']);
  });

  it('has no caller where nobody has signed it', () => {
    expect(
      commandCall({ ...event, requestContext: { ...event.requestContext, authorizer: undefined } }),
    ).toMatchObject({
      caller: undefined,
    });
  });

  it.each([
    ['the queue’s', { Records: [] }],
    ['a GET', { ...event, requestContext: { ...event.requestContext, http: { method: 'GET' } } }],
    ['nothing', undefined],
  ])('is no command when it is %s', (_, other) => {
    expect(commandCall(other)).toBeUndefined();
  });
});
