import { describe, expect, it } from '@jest/globals';
import { creationOrder, type Deployment, deployedOutput, resolveProperties } from '../../template/resolve.ts';
import type { SynthesizedTemplate } from '../../template/template.ts';

const deployment: Deployment = {
  region: 'eu-central-1',
  accountId: '111122223333',
  namesOf: (logicalId) => ({
    ref: `ref-${logicalId}`,
    arn: `arn:${logicalId}`,
    attributes: { QueueName: `name-${logicalId}` },
  }),
  outputOf: (stack, output) => `${stack}/${output}`,
};

/** A text for `Fn::Sub`: a dollar sign before each brace. */
const sub = (text: string) => text.replaceAll('{', '${');

const templateOf = (Value: unknown): SynthesizedTemplate => ({
  Resources: {
    Queue: { Type: 'AWS::SQS::Queue', Properties: {} },
    User: { Type: 'AWS::Some::Type', Properties: { Value } },
  },
  Outputs: {},
});
const resolveValue = (value: unknown, where = deployment) =>
  (resolveProperties(templateOf(value), 'User', where) as { readonly Value: unknown }).Value;

describe('an intrinsic function', () => {
  it.each([
    ['Ref', { Ref: 'Queue' }, 'ref-Queue'],
    ['Ref to a pseudo parameter', { Ref: 'AWS::Region' }, 'eu-central-1'],
    ['Fn::GetAtt', { 'Fn::GetAtt': ['Queue', 'Arn'] }, 'arn:Queue'],
    ['Fn::GetAtt of another attribute', { 'Fn::GetAtt': ['Queue', 'QueueName'] }, 'name-Queue'],
    ['Fn::Join', { 'Fn::Join': ['-', ['a', { Ref: 'Queue' }, 3]] }, 'a-ref-Queue-3'],
    [
      'Fn::Sub',
      { 'Fn::Sub': sub('{AWS::AccountId} {Queue} {Queue.Arn} {!Kept}') },
      sub('111122223333 ref-Queue arn:Queue {Kept}'),
    ],
    ['Fn::Sub with values', { 'Fn::Sub': [sub('{Name}'), { Name: { Ref: 'Queue' } }] }, 'ref-Queue'],
    ['Fn::GetStackOutput', { 'Fn::GetStackOutput': { StackName: 's', OutputName: 'o' } }, 's/o'],
  ])('%s is replaced by its value', (_name, value, expected) => {
    expect(resolveValue([{ deep: value }])).toEqual([{ deep: expected }]);
  });

  it.each([
    [
      'a function',
      { 'Fn::Select': [0, ['a']] },
      'User: the template uses Fn::Select, which is not resolved here',
    ],
    ['a resource', { Ref: 'Topic' }, 'User: the template refers to Topic, which is none of its resources'],
    ['an attribute', { 'Fn::GetAtt': ['Queue', 'Foo'] }, 'User: the attribute Foo of Queue is not known'],
    [
      'an attribute in a text',
      { 'Fn::Sub': sub('{Queue.Foo}') },
      'User: the attribute Foo of Queue is not known',
    ],
  ])('with %s that is not known is refused by name', (_what, value, message) => {
    expect(() => resolveValue(value)).toThrow(message);
  });

  it('that asks for another stack is refused where there is none', () => {
    const { outputOf: _, ...alone } = deployment;

    expect(() => resolveValue({ 'Fn::GetStackOutput': { StackName: 's', OutputName: 'o' } }, alone)).toThrow(
      'Fn::GetStackOutput',
    );
  });
});

describe('an output', () => {
  const template = {
    ...templateOf(''),
    Outputs: { Url: { Value: { Ref: 'Queue' } }, Bad: { Value: { Ref: 'X' } } },
  };

  it('is resolved', () => {
    expect(deployedOutput(template, 'Url', deployment)).toBe('ref-Queue');
  });

  it('that is missing or refers to nothing is named', () => {
    expect(() => deployedOutput(template, 'Other', deployment)).toThrow('the template has no output Other');
    expect(() => deployedOutput(template, 'Bad', deployment)).toThrow('output Bad: the template refers to X');
  });
});

describe('the order of creation', () => {
  const resource = (Properties: Record<string, unknown>, DependsOn?: string[]) => ({
    Type: 'AWS::Some::Type',
    Properties,
    ...(DependsOn === undefined ? {} : { DependsOn }),
  });

  it('has what a resource refers to before it', () => {
    const order = creationOrder({
      Resources: {
        A: resource({ x: [{ Ref: 'B' }], region: { Ref: 'AWS::Region' } }),
        B: resource({ x: { 'Fn::GetAtt': ['C', 'Arn'] } }),
        C: resource({ x: { 'Fn::Sub': [sub('{D.Arn} {V}'), { V: { Ref: 'E' } }] } }),
        D: resource({}, ['F']),
        E: resource({}),
        F: resource({}),
      },
      Outputs: {},
    });

    expect(order).toEqual(['F', 'D', 'E', 'C', 'B', 'A']);
  });

  it('of a circle is refused, and the circle is named', () => {
    const circle = { A: resource({ x: { Ref: 'B' } }), B: resource({}, ['A']) };

    expect(() => creationOrder({ Resources: circle, Outputs: {} })).toThrow('A → B → A');
  });
});
