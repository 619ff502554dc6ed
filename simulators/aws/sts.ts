/** GetCallerIdentity of AWS STS. Behaviour: its API Reference. */
import { queryReply, startQueryService } from './query-service.ts';
import type { RunningService, ServiceContext } from './signed-server.ts';

const namespace = 'https://sts.amazonaws.com/doc/2011-06-15/';
const operation = 'GetCallerIdentity';

/** Starts an STS that says who calls it. No policy can forbid that. */
export function startLocalSts(context: ServiceContext): Promise<RunningService> {
  return startQueryService(
    { service: 'sts', namespace },
    {
      [operation]: ({ callerArn }) =>
        queryReply(namespace, operation, {
          Arn: callerArn,
          UserId: 'AROALOCAL:local',
          Account: callerArn.split(':')[4] ?? context.accountId,
        }),
    },
    () => [],
    context,
  );
}
