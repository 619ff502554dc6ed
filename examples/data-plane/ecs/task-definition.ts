/**
 * The task definition of the synthesized stack, as `aws ecs register-task-definition --cli-input-json` takes
 * it. Where the stack has references it has examples of names:
 *
 *     npx cdk synth --quiet
 *     node --import tsx task-definition.ts cdk.out/KongDataPlane.template.json > task-definition.json
 */
import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import * as v from 'valibot';

const template = v.object({
  Resources: v.record(v.string(), v.object({ Type: v.string(), Properties: v.optional(v.unknown()) })),
});
const intrinsic = v.union([
  v.strictObject({ Ref: v.string() }),
  v.strictObject({ 'Fn::GetAtt': v.tuple([v.string(), v.string()]) }),
  v.strictObject({ 'Fn::Join': v.tuple([v.string(), v.array(v.unknown())]) }),
]);

/** By the beginning of the logical id; CDK appends a hash. */
const examples: Readonly<Record<string, string>> = {
  'AWS::AccountId': '111122223333',
  'AWS::Partition': 'aws',
  'AWS::Region': 'eu-central-1',
  'AWS::URLSuffix': 'amazonaws.com',
  LifeboatApiHttpApi: 'https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com',
  Logs: '/ecs/kong-data-plane',
  TaskExecutionRole: 'arn:aws:iam::111122223333:role/kong-data-plane-execution',
  TaskTaskRole: 'arn:aws:iam::111122223333:role/kong-data-plane',
};

/**
 * @throws Error when the template has no task definition, or one with a reference that has no example here
 */
export function bareTaskDefinition(synthesized: unknown): unknown {
  const { Resources } = v.parse(template, synthesized);
  const task = Object.values(Resources).find(({ Type }) => Type === 'AWS::ECS::TaskDefinition');
  if (task === undefined) {
    throw new Error('the template has no AWS::ECS::TaskDefinition');
  }
  return { ...(bare(task.Properties) as object), family: 'kong-data-plane' };
}

function bare(value: unknown): unknown {
  if (v.is(intrinsic, value)) {
    return resolved(value);
  }
  if (Array.isArray(value)) {
    return value.map(bare);
  }
  if (typeof value === 'object' && value !== null) {
    // CloudFormation writes the names of the ECS API with a capital.
    return Object.fromEntries(
      Object.entries(value).map(([name, each]) => [name.charAt(0).toLowerCase() + name.slice(1), bare(each)]),
    );
  }
  return value;
}

function resolved(value: v.InferOutput<typeof intrinsic>): string {
  if ('Fn::Join' in value) {
    const [separator, parts] = value['Fn::Join'];
    return parts.map(bare).join(separator);
  }
  const id = 'Ref' in value ? value.Ref : value['Fn::GetAtt'][0];
  const example = Object.entries(examples).find(([beginning]) => id.startsWith(beginning))?.[1];
  if (example === undefined) {
    throw new Error(`the task definition refers to ${id}: give an example for it here`);
  }
  return example;
}

const [, script, file] = process.argv;
if (script !== undefined && import.meta.url === pathToFileURL(script).href && file !== undefined) {
  const text = await readFile(file, 'utf8');
  process.stdout.write(`${JSON.stringify(bareTaskDefinition(JSON.parse(text)), undefined, 2)}\n`);
}
