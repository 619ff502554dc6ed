import * as v from 'valibot';
import type { SynthesizedTemplate } from './template.ts';

/** What the stack of a template is called where it is deployed. */
export const deployedStackName = 'Lifeboat';

/** What a resource is called once it exists. */
export interface PhysicalNames {
  /** What `Ref` gives. */
  readonly ref: string;
  /** What `Fn::GetAtt` gives for `Arn`. */
  readonly arn: string;
  /** What `Fn::GetAtt` gives for its other attributes, for example `ApiEndpoint`. @default none */
  readonly attributes?: Readonly<Record<string, string>>;
}

/** Where a template is deployed, and what its resources are called there. */
export interface Deployment {
  readonly region: string;
  readonly accountId: string;
  /** Names of a resource, by its logical id and type. */
  readonly namesOf: (logicalId: string, type: string) => PhysicalNames;
  /** What another stack's output says. @default a template that asks for one is refused */
  readonly outputOf?: (stackName: string, outputName: string) => string;
}

const attributeReference = v.tuple([v.string(), v.string()]);
const join = v.tuple([v.string(), v.array(v.unknown())]);
const substitution = v.union([
  v.pipe(
    v.string(),
    v.transform((text): [string, Record<string, unknown>] => [text, {}]),
  ),
  v.tuple([v.string(), v.record(v.string(), v.unknown())]),
]);
const stackOutput = v.object({ StackName: v.string(), OutputName: v.string() });

/**
 * A resource's properties, with every intrinsic function replaced by its value.
 *
 * @throws Error that names the resource and the function, resource or attribute that is not known
 */
export function resolveProperties(
  template: SynthesizedTemplate,
  logicalId: string,
  deployment: Deployment,
): unknown {
  return resolveIn(template, logicalId, template.Resources[logicalId]?.Properties, deployment);
}

/** A name that the template itself gives a resource; undefined where CloudFormation makes one. */
export function findChosenName(
  { Resources }: SynthesizedTemplate,
  logicalId: string,
  property: string,
  { region, accountId }: Pick<Deployment, 'region' | 'accountId'>,
): string | undefined {
  const chosen = Resources[logicalId]?.Properties[property];
  const namesOf = (id: string) => {
    throw new Error(`the name of ${logicalId} refers to ${id}`);
  };
  return chosen === undefined
    ? undefined
    : String(resolve(chosen, { region, accountId, namesOf, template: { Resources: {}, Outputs: {} } }));
}

/**
 * What an output says once it is deployed.
 *
 * @throws Error when there is no such output, and as `resolveProperties`
 */
export function deployedOutput(template: SynthesizedTemplate, name: string, deployment: Deployment): string {
  const output = template.Outputs[name];
  if (output === undefined) {
    throw new Error(`the template has no output ${name}`);
  }
  return String(resolveIn(template, `output ${name}`, output.Value, deployment));
}

function resolveIn(template: SynthesizedTemplate, place: string, value: unknown, deployment: Deployment) {
  try {
    return resolve(value, { ...deployment, template });
  } catch (error) {
    throw new Error(`${place}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

interface Resolution extends Deployment {
  readonly template: SynthesizedTemplate;
}

function resolve(value: unknown, resolution: Resolution): unknown {
  if (Array.isArray(value)) {
    return value.map((item) => resolve(item, resolution));
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  const [[name = '', argument] = []] = Object.entries(value);
  if (name === 'Ref') {
    return reference(String(argument), resolution);
  }
  if (name === 'Fn::GetAtt') {
    const [id, attribute] = v.parse(attributeReference, argument);
    return attributeOf(id, attribute, resolution);
  }
  if (name === 'Fn::Join') {
    const [separator, parts] = v.parse(join, argument);
    return parts.map((part) => String(resolve(part, resolution))).join(separator);
  }
  if (name === 'Fn::Sub') {
    return substituted(argument, resolution);
  }
  if (name === 'Fn::GetStackOutput' && resolution.outputOf !== undefined) {
    const { StackName, OutputName } = v.parse(stackOutput, argument);
    return resolution.outputOf(StackName, OutputName);
  }
  if (name.startsWith('Fn::')) {
    throw new Error(`the template uses ${name}, which is not resolved here`);
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolve(item, resolution)]));
}

function reference(name: string, resolution: Resolution): string {
  return pseudoParameter(name, resolution) ?? namesOf(name, resolution).ref;
}

function attributeOf(id: string, attribute: string, resolution: Resolution): string {
  const { arn, attributes = {} } = namesOf(id, resolution);
  const value = attribute === 'Arn' ? arn : attributes[attribute];
  if (value === undefined) {
    throw new Error(`the attribute ${attribute} of ${id} is not known`);
  }
  return value;
}

function namesOf(id: string, { template, namesOf: names }: Resolution): PhysicalNames {
  const resource = template.Resources[id];
  if (resource === undefined) {
    throw new Error(`the template refers to ${id}, which is none of its resources`);
  }
  return names(id, resource.Type);
}

/** `${Name}`, `${Name.Attribute}`, and `${!Literal}`, which stays. */
const placeholder = /\$\{(!?)([^}.]+)(?:\.([^}]+))?\}/g;

function substituted(argument: unknown, resolution: Resolution): string {
  const [text, values] = v.parse(substitution, argument);
  return text.replaceAll(placeholder, (whole, literal: string, name: string, attribute?: string) => {
    if (literal !== '') {
      return whole.replace('!', '');
    }
    if (attribute !== undefined) {
      return attributeOf(name, attribute, resolution);
    }
    return name in values ? String(resolve(values[name], resolution)) : reference(name, resolution);
  });
}

function pseudoParameter(name: string, { region, accountId }: Deployment): string | undefined {
  const values: Readonly<Record<string, string>> = {
    'AWS::AccountId': accountId,
    'AWS::Region': region,
    'AWS::Partition': 'aws',
    'AWS::URLSuffix': 'amazonaws.com',
    'AWS::StackName': deployedStackName,
    'AWS::StackId': `arn:aws:cloudformation:${region}:${accountId}:stack/${deployedStackName}/00000000-0000-4000-8000-000000000000`,
  };
  return values[name];
}

/**
 * Logical ids in the order in which CloudFormation would create them: what a resource refers to comes first.
 *
 * @throws Error when resources refer to one another in a circle
 */
export function creationOrder({ Resources }: SynthesizedTemplate): readonly string[] {
  const order = new Set<string>();
  const visit = (id: string, path: readonly string[]): void => {
    const resource = Resources[id];
    if (resource === undefined || order.has(id)) {
      return;
    }
    if (path.includes(id)) {
      throw new Error(
        `the template's resources refer to one another in a circle: ${[...path, id].join(' → ')}`,
      );
    }
    for (const needed of [...[resource.DependsOn ?? []].flat(), ...referencesIn(resource.Properties)]) {
      visit(needed, [...path, id]);
    }
    order.add(id);
  };
  for (const id of Object.keys(Resources)) {
    visit(id, []);
  }
  return [...order];
}

function referencesIn(value: unknown): readonly string[] {
  if (Array.isArray(value)) {
    return value.flatMap(referencesIn);
  }
  if (typeof value !== 'object' || value === null) {
    return [];
  }
  return Object.entries(value).flatMap(([name, argument]) => {
    const first = String([argument].flat()[0]);
    if (name === 'Ref' || name === 'Fn::GetAtt') {
      return [first];
    }
    const named = name === 'Fn::Sub' ? [...first.matchAll(placeholder)].map(([, , id]) => id ?? '') : [];
    return [...named, ...referencesIn(argument)];
  });
}
