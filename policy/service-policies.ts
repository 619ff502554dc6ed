/** Policies that stand neither at a role nor in a resource of their own: of functions and VPC endpoints. */
import * as v from 'valibot';
import type { PolicyDocument } from '../simulators/aws/iam.ts';
import { type Deployment, resolveProperties } from '../template/resolve.ts';
import type { SynthesizedTemplate } from '../template/template.ts';

const permission = v.object({
  Action: v.string(),
  FunctionName: v.string(),
  Principal: v.string(),
  SourceArn: v.string(),
});
// iam-simulate takes "*" alone, which means the same to AWS.
const everybody = v.pipe(
  v.object({ AWS: v.literal('*') }),
  v.transform(() => '*'),
);
const endpoint = v.object({
  PolicyDocument: v.object({
    Version: v.optional(v.string()),
    Statement: v.array(v.looseObject({ Principal: everybody })),
  }),
});

type Entries = Readonly<Record<string, v.GenericSchema>>;

/** Resolves what the schema names, and nothing else of the resource. */
function propertiesOf<Schema extends v.ObjectSchema<Entries, undefined>>(
  template: SynthesizedTemplate,
  deployment: Deployment,
  type: string,
  schema: Schema,
): readonly (readonly [id: string, properties: v.InferOutput<Schema>])[] {
  return Object.entries(template.Resources).flatMap(([id, resource]) => {
    if (resource.Type !== type) {
      return [];
    }
    const Properties = Object.fromEntries(
      Object.entries(resource.Properties ?? {}).filter(([name]) => name in schema.entries),
    );
    const Resources = { ...template.Resources, [id]: { ...resource, Properties } };
    return [[id, v.parse(schema, resolveProperties({ ...template, Resources }, id, deployment))] as const];
  });
}

/** The resource policy that Lambda makes of a function's permissions, by the function's ARN. */
export function functionPolicies(
  template: SynthesizedTemplate,
  deployment: Deployment,
): ReadonlyMap<string, PolicyDocument> {
  const found = propertiesOf(template, deployment, 'AWS::Lambda::Permission', permission);
  const policies = new Map<string, PolicyDocument>();
  for (const [, { Action, FunctionName, Principal, SourceArn }] of found) {
    const statement = {
      Effect: 'Allow',
      Principal: { Service: Principal },
      Action,
      Resource: FunctionName,
      Condition: { ArnLike: { 'aws:SourceArn': SourceArn } },
    };
    const { Statement = [] } = policies.get(FunctionName) ?? {};
    policies.set(FunctionName, { Version: '2012-10-17', Statement: [...Statement, statement] });
  }
  return policies;
}

/** The policies of VPC endpoints, by logical id. */
export function endpointPolicies(
  template: SynthesizedTemplate,
  deployment: Deployment,
): ReadonlyMap<string, PolicyDocument> {
  return new Map(
    propertiesOf(template, deployment, 'AWS::EC2::VPCEndpoint', endpoint).map(
      ([id, { PolicyDocument }]) => [id, PolicyDocument] as const,
    ),
  );
}
