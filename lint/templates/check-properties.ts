/** Each resource of a template, held to what AWS says of its type. */
import { loadAwsServiceSpec } from '@aws-cdk/aws-service-spec';
import type { Property, PropertyType, SpecDatabase } from '@aws-cdk/service-spec-types';
import type { SynthesizedTemplate } from '../../template/template.ts';

/** Says of a template what is wrong with it: one sentence for each fault, with the place. */
export type PropertyCheck = (template: SynthesizedTemplate) => readonly string[];

type Value = unknown;
type Properties = Readonly<Record<string, Property>>;

/**
 * Reads the specification of all resource types that `@aws-cdk/aws-service-spec` has. That takes a second or
 * two.
 */
export async function loadPropertyCheck(): Promise<PropertyCheck> {
  const specification = await loadAwsServiceSpec();
  return ({ Resources }) =>
    Object.entries(Resources).flatMap(([id, resource]) => faultsOf(specification, id, resource));
}

function faultsOf(
  specification: SpecDatabase,
  id: string,
  { Type, Properties }: SynthesizedTemplate['Resources'][string],
): readonly string[] {
  const [known] = specification.lookup('resource', 'cloudFormationType', 'equals', Type);
  if (known === undefined) {
    return [
      `${id}: there is no resource type ${Type}. Correct it, or raise @aws-cdk/aws-service-spec if AWS has added it since`,
    ];
  }
  return objectFaults(specification, Properties, known.properties, `${id} (${Type})`);
}

function objectFaults(
  specification: SpecDatabase,
  object: Readonly<Record<string, Value>>,
  properties: Properties,
  place: string,
): readonly string[] {
  const missing = Object.entries(properties)
    .filter(([name, { required }]) => required === true && object[name] === undefined)
    .map(([name]) => `${place}: the required property ${name} is missing`);
  const wrong = Object.entries(object).flatMap(([name, value]) => {
    const property = properties[name];
    return property === undefined
      ? [`${place}: there is no property ${name}. There are: ${Object.keys(properties).sort().join(', ')}`]
      : valueFaults(specification, value, property.type, `${place}.${name}`);
  });
  return [...missing, ...wrong];
}

function valueFaults(
  specification: SpecDatabase,
  value: Value,
  type: PropertyType,
  place: string,
): readonly string[] {
  if (isIntrinsic(value)) {
    // Known at deployment only.
    return [];
  }
  switch (type.type) {
    case 'json':
      return [];
    case 'union':
      return unionFaults(specification, value, type.types, place);
    case 'array':
      return Array.isArray(value)
        ? value.flatMap((item, index) => valueFaults(specification, item, type.element, `${place}[${index}]`))
        : [`${place}: a list is expected`];
    case 'map':
      return isObject(value)
        ? Object.entries(value).flatMap(([key, item]) =>
            valueFaults(specification, item, type.element, `${place}.${key}`),
          )
        : [`${place}: an object is expected`];
    case 'ref':
      return isObject(value)
        ? objectFaults(
            specification,
            value,
            specification.get('typeDefinition', type.reference).properties,
            place,
          )
        : [`${place}: an object is expected`];
    case 'tag':
      return isObject(value) && Object.keys(value).sort().join() === 'Key,Value'
        ? []
        : [`${place}: a tag is expected, with Key and Value`];
    default:
      return scalarFaults(value, type, place);
  }
}

/** The faults of the form that fits best. */
function unionFaults(
  specification: SpecDatabase,
  value: Value,
  types: readonly PropertyType[],
  place: string,
): readonly string[] {
  const [best] = types
    .map((each) => valueFaults(specification, value, each, place))
    .sort((one, other) => one.length - other.length);
  return best ?? [];
}

/** CloudFormation reads numbers and truth values from strings, and the other way round. */
function scalarFaults(value: Value, type: PropertyType, place: string): readonly string[] {
  if (typeof value === 'object') {
    return [`${place}: a single value is expected`];
  }
  if ((type.type === 'number' || type.type === 'integer') && Number.isNaN(Number(value))) {
    return [`${place}: a number is expected`];
  }
  if (type.type === 'boolean' && !['true', 'false'].includes(String(value))) {
    return [`${place}: true or false is expected`];
  }
  const allowed = 'allowedValues' in type ? type.allowedValues?.map(String) : undefined;
  return allowed === undefined || allowed.includes(String(value))
    ? []
    : [`${place}: ${JSON.stringify(value)} is none of ${allowed.join(', ')}`];
}

function isIntrinsic(value: Value): boolean {
  const [name, ...others] = isObject(value) ? Object.keys(value) : [];
  return name !== undefined && others.length === 0 && (name === 'Ref' || name.startsWith('Fn::'));
}

function isObject(value: Value): value is Readonly<Record<string, Value>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
