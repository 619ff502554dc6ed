import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { AnsweredCommand } from '../../core/export/operator-commands.ts';
import { IntakeError } from '../../core/intake/errors.ts';
import type { Manifest } from '../../core/vault/manifest.ts';
import { logCommand } from '../../lambdas/command-log.ts';
import { logger } from '../../lambdas/telemetry.ts';

let lines: unknown[];
beforeEach(() => {
  lines = [];
  for (const level of ['info', 'warn', 'error'] as const) {
    jest.spyOn(logger, level).mockImplementation((message, ...fields) => {
      lines.push(Object.assign({ message }, ...fields));
    });
  }
});
afterEach(() => {
  jest.restoreAllMocks();
});

const call = { caller: 'arn:aws:sts::111122223333:assumed-role/on-call/anna', requestId: 'r1' };
const command = { name: 'unpin', version: '3.9.1', sees: 3, reason: 'mended' } as const;
const time = new Date('2026-11-23T04:00:00Z');
const manifest: Manifest = {
  controlPlane: 'prod',
  kongVersion: '3.9.1',
  revision: 4,
  previousSha256: null,
  sha256: 'a'.repeat(64),
  size: 1_000,
  md5: 'b'.repeat(32),
  configHash: 'c'.repeat(32),
  builtAt: time,
  exportedAt: time,
  entities: { total: 10 },
};

describe('the log of a command', () => {
  it('says who asked for what, why, and what was published', () => {
    const answered: AnsweredCommand = {
      command,
      answer: { status: 200, content: { revision: 4 } },
      publication: {
        outcome: 'published',
        manifest,
        gzip: new Uint8Array(),
        replacedVersionId: '3',
        publishedAt: time,
        warning: 'something foreign was replaced',
        manifestReplaced: true,
        versionId: '4',
        servedTables: [],
      },
    };

    logCommand('prod', call, answered);

    expect(lines).toEqual([
      expect.objectContaining({ message: 'published', kongVersion: '3.9.1', revision: 4 }),
      expect.objectContaining({ message: 'something foreign was replaced' }),
      expect.objectContaining({
        message: 'command done',
        controlPlane: 'prod',
        command: 'unpin',
        caller: call.caller,
        reason: 'mended',
        answer: { revision: 4 },
      }),
    ]);
  });

  it('says why no export was asked for that should have followed', () => {
    const notRequested = new IntakeError('not-rung', 'SQS did not take the message');

    logCommand('prod', call, { command, answer: { status: 200, content: {} }, notRequested });

    expect(lines).toEqual([
      expect.objectContaining({ message: 'command done' }),
      {
        message: 'no export requested',
        controlPlane: 'prod',
        error: 'SQS did not take the message',
        errorName: 'IntakeError',
        errorCode: 'not-rung',
      },
    ]);
  });

  it('says who was refused, and repeats nothing of what was not understood', () => {
    const answer = { status: 403, title: 'Not an operator', detail: 'Ask somebody else.' };

    logCommand('prod', call, { command: undefined, answer });

    expect(lines).toEqual([{ message: 'command refused', controlPlane: 'prod', ...call, ...answer }]);
  });
});
