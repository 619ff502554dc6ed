/** DescribeStacks of AWS CloudFormation, in memory. Behaviour: its API Reference. */
import { randomUUID } from 'node:crypto';
import { type Access, overTls } from './access.ts';
import { parametersOf, queryReply, startQueryService } from './query-service.ts';
import type { ReceivedRequest } from './received-request.ts';
import {
  notImplemented,
  type Operation,
  type RunningService,
  type ServiceContext,
  ServiceError,
} from './signed-server.ts';

export interface LocalStack {
  readonly name: string;
  readonly outputs: Readonly<Record<string, string>>;
  /** @default CREATE_COMPLETE */
  readonly status?: string | undefined;
}

export interface LocalCloudFormation extends RunningService {
  /** Makes a stack, or changes the one of this name; returns its ARN. */
  putStack(stack: LocalStack): string;
}

interface DescribedStack extends LocalStack {
  readonly arn: string;
  readonly createdAt: Date;
}

const namespace = 'http://cloudformation.amazonaws.com/doc/2010-05-15/';
const operation = 'DescribeStacks';

function describe({ arn, name, outputs, status = 'CREATE_COMPLETE', createdAt }: DescribedStack): object {
  const member = Object.entries(outputs).map(([OutputKey, OutputValue]) => ({ OutputKey, OutputValue }));
  return {
    StackId: arn,
    StackName: name,
    CreationTime: createdAt.toISOString(),
    StackStatus: status,
    // An empty list has no element, as an element without members would be one empty output to a reader.
    ...(member.length === 0 ? {} : { Outputs: { member } }),
  };
}

/** Starts a CloudFormation that forgets its stacks when it stops. */
export async function startLocalCloudFormation(context: ServiceContext): Promise<LocalCloudFormation> {
  const { region, accountId, now } = context;
  const stacks = new Map<string, DescribedStack>();
  const lookUp = (nameOrArn: string) =>
    stacks.get(nameOrArn) ?? [...stacks.values()].find(({ arn }) => arn === nameOrArn);

  const describeStacks: Operation = ({ request }) => {
    const {
      Action: _action,
      Version: _version,
      StackName,
      ...others
    } = Object.fromEntries(parametersOf(request));
    const [unknown] = Object.keys(others);
    if (unknown !== undefined) {
      throw notImplemented(`the parameter ${unknown}`);
    }
    const found = StackName === undefined ? [...stacks.values()] : [lookUp(StackName)];
    const described = found.map((stack) => {
      if (stack === undefined) {
        throw new ServiceError(400, 'ValidationError', `Stack with id ${StackName} does not exist`);
      }
      return describe(stack);
    });
    const list = described.length === 0 ? '' : { member: described };
    return queryReply(namespace, operation, { Stacks: list });
  };

  /**
   * Without a name it is about all stacks (Service Authorization Reference, "AWS CloudFormation"). The name
   * then stands for any: no decision is about a wildcard.
   */
  function accessesOf(_operation: string, request: ReceivedRequest): readonly Access[] {
    const name = parametersOf(request).get('StackName') ?? 'any';
    const resourceArn =
      lookUp(name)?.arn ?? `arn:aws:cloudformation:${region}:${accountId}:stack/${name}/unknown`;
    return [{ action: `cloudformation:${operation}`, resourceArn, context: overTls }];
  }

  const service = await startQueryService(
    { service: 'cloudformation', namespace },
    { [operation]: describeStacks },
    accessesOf,
    context,
  );
  return {
    ...service,
    putStack(stack) {
      const before = stacks.get(stack.name);
      const arn =
        before?.arn ?? `arn:aws:cloudformation:${region}:${accountId}:stack/${stack.name}/${randomUUID()}`;
      stacks.set(stack.name, { ...stack, arn, createdAt: before?.createdAt ?? now() });
      return arn;
    },
  };
}
