import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runCfnLint } from '../../lint/templates/cfn-lint.ts';
import { loadPropertyCheck, type PropertyCheck } from '../../lint/templates/check-properties.ts';

const queue = (Properties: Record<string, unknown>) => ({
  Resources: { Queue: { Type: 'AWS::SQS::Queue', Properties } },
  Outputs: {},
});
const one = (Type: string, Properties: Record<string, unknown>) => ({
  Resources: { One: { Type, Properties } },
  Outputs: {},
});
const key = { KeyPolicy: { anything: 'goes' } };
const rule = { Id: 'old', Status: 'Enabled' };

describe('a resource that is held to what AWS says of its type', () => {
  let check: PropertyCheck;
  beforeAll(async () => {
    check = await loadPropertyCheck();
  });

  it.each([
    ['without properties', queue({})],
    ['with a reference for a value', queue({ VisibilityTimeout: { Ref: 'Seconds' } })],
    ['with a number in a string', queue({ VisibilityTimeout: '150' })],
    ['with JSON of its own form', one('AWS::KMS::Key', key)],
    ['with parts of parts', one('AWS::S3::Bucket', { LifecycleConfiguration: { Rules: [rule] } })],
  ])('passes %s', (_what, template) => {
    expect(check(template)).toEqual([]);
  });

  it.each([
    ['a misspelt type', one('AWS::SQS::Queeu', {}), /no resource type AWS::SQS::Queeu/],
    [
      'a misspelt property',
      queue({ VisibilityTimeOut: 150 }),
      /no property VisibilityTimeOut\..*VisibilityTimeout/,
    ],
    [
      'a missing property',
      one('AWS::Lambda::Permission', { Action: 'a', FunctionName: 'f' }),
      /required property Principal is missing/,
    ],
    [
      'a misspelt property of a part',
      one('AWS::S3::Bucket', { LifecycleConfiguration: { Rules: [{ ...rule, Prefixx: 'a' }] } }),
      /LifecycleConfiguration\.Rules\[0\]: there is no property Prefixx/,
    ],
    [
      'a missing property of a part',
      one('AWS::S3::Bucket', { LifecycleConfiguration: {} }),
      /LifecycleConfiguration: the required property Rules is missing/,
    ],
    [
      'one thing for a list',
      one('AWS::S3::Bucket', { LifecycleConfiguration: { Rules: rule } }),
      /Rules: a list is expected/,
    ],
    ['an object for a value', queue({ QueueName: { name: 'a' } }), /QueueName: a single value is expected/],
    ['a word for a number', queue({ DelaySeconds: 'soon' }), /DelaySeconds: a number is expected/],
    [
      'a value that there is not',
      one('AWS::S3::Bucket', { VersioningConfiguration: { Status: 'Off' } }),
      /"Off" is none of Enabled, Suspended/,
    ],
  ])('finds %s', (_what, template, sentence) => {
    expect(check(template)).toEqual([expect.stringMatching(sentence)]);
  });
});

describe('cfn-lint', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lifeboat-cfn-lint-test-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is left out where there is none', () => {
    expect(runCfnLint('/nowhere/cfn-lint', new Map())).toBeUndefined();
  });

  it('is heard, but for what has a reason to stay', () => {
    const command = join(folder, 'cfn-lint');
    const match = (id: string) =>
      `{"Rule":{"Id":"${id}"},"Message":"m","Filename":"'$4'","Location":{"Path":["Resources","Queue"]}}`;
    writeFileSync(
      command,
      `#!/bin/sh\n[ "$1" = --version ] && { echo 'cfn-lint 9'; exit; }\necho '[${match('E3002')},${match('W3005')}]'\nexit 2\n`,
      { mode: 0o700 },
    );

    expect(runCfnLint(command, new Map([['the queue', queue({})]]))).toEqual({
      version: 'cfn-lint 9',
      findings: ['the queue: Resources/Queue: m [cfn-lint E3002]'],
      needless: [],
    });
  });
});
