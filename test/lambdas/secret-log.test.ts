import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { clusterSecretLog, logHookSecret, proxySecretLog } from '../../lambdas/secret-log.ts';
import { logger } from '../../lambdas/telemetry.ts';

let lines: unknown[];
beforeEach(() => {
  lines = [];
  jest.spyOn(logger, 'warn').mockImplementation((message, ...fields) => {
    lines.push(Object.assign({ message }, ...fields));
  });
});
afterEach(() => {
  jest.restoreAllMocks();
});

describe('a secret that is not stored as it should be', () => {
  it.each([
    ['cluster certificate', clusterSecretLog, '"certificate"'],
    ['forward proxy', proxySecretLog, '"username"'],
  ])('is named once, with how it should be stored: %s', (name, log, remedy) => {
    const report = log();

    report('arn:aws:secretsmanager:eu-central-1:0:secret:a', 'binary');
    report('arn:aws:secretsmanager:eu-central-1:0:secret:a', 'binary');

    expect(lines).toEqual([
      expect.objectContaining({
        message: expect.stringContaining(name),
        secretId: 'arn:aws:secretsmanager:eu-central-1:0:secret:a',
        storedAs: 'binary',
        remedy: expect.stringContaining(remedy),
      }),
    ]);
  });

  it('is named by its control plane where it signs hooks', () => {
    logHookSecret('prod', 'a text with a line break at its end');

    expect(lines).toMatchObject([
      {
        message: 'the hook secret is not stored as its bare text',
        controlPlane: 'prod',
        storedAs: 'a text with a line break at its end',
        remedy: expect.stringContaining('put-secret-value'),
      },
    ]);
  });
});
