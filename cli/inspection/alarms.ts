/** The alarms of a deployment, by CloudWatch and the caller's own credentials. */
import type { MetricAlarm } from '@aws-sdk/client-cloudwatch';
import { describeCallFailure } from '../../core/aws-calls.ts';
import type { AwsAccess } from '../aws-access.ts';
import type { Deployment } from '../deployment.ts';

export interface DeployedAlarm {
  readonly name: string;
  /** Undefined where it is about the deployment. */
  readonly controlPlane: string | undefined;
  /** Heading of its section in the runbook. */
  readonly heading: string;
  readonly since: Date | undefined;
  /** Link to that section. */
  readonly runbook: string | undefined;
}

export interface ExaminedAlarm extends DeployedAlarm {
  readonly isRinging: boolean;
  /** Whether somebody is told when it begins. */
  readonly isHeard: boolean;
  /** Whether nobody shall be told, by design: releases up to 0.1.0 had such an alarm. */
  readonly isForDashboard: boolean;
}

/** Why nobody knows is a sentence. */
export type AlarmsView = { readonly ringing: readonly DeployedAlarm[] } | { readonly unknown: string };

type FoundAlarm = Pick<
  MetricAlarm,
  | 'ActionsEnabled'
  | 'AlarmActions'
  | 'AlarmDescription'
  | 'AlarmName'
  | 'StateTransitionedTimestamp'
  | 'StateUpdatedTimestamp'
  | 'StateValue'
>;

/** It never throws: the status is told without alarms, too. */
export async function findRingingAlarms(
  deployment: Deployment,
  access: Pick<AwsAccess, 'sdk'>,
): Promise<AlarmsView> {
  const found = await readAlarms(deployment, access, { StateValue: 'ALARM' });
  if (!Array.isArray(found)) {
    return found;
  }
  return { ringing: found.map(({ isRinging: _r, isHeard: _h, isForDashboard: _d, ...alarm }) => alarm) };
}

/** All alarms of a deployment, by name; or why nobody knows. It never throws. */
export async function readAlarms(
  { stackName, part, region }: Deployment,
  { sdk }: Pick<AwsAccess, 'sdk'>,
  filter: { readonly StateValue?: 'ALARM' } = {},
): Promise<ExaminedAlarm[] | { readonly unknown: string }> {
  const { CloudWatchClient, DescribeAlarmsCommand } = await import('@aws-sdk/client-cloudwatch');
  const client = new CloudWatchClient({ ...sdk, region });
  const found: FoundAlarm[] = [];
  try {
    let NextToken: string | undefined;
    do {
      const page = await client.send(
        new DescribeAlarmsCommand({
          AlarmNamePrefix: stackName,
          AlarmTypes: ['MetricAlarm', 'CompositeAlarm'],
          ...filter,
          MaxRecords: 100,
          ...(NextToken === undefined ? {} : { NextToken }),
        }),
      );
      found.push(...(page.MetricAlarms ?? []), ...(page.CompositeAlarms ?? []));
      NextToken = page.NextToken;
    } while (NextToken !== undefined);
  } catch (error) {
    const isDenied = error instanceof Error && /^AccessDenied/.test(error.name);
    return {
      unknown: `CloudWatch was not read (${describeCallFailure(error)})${isDenied ? '. The role needs cloudwatch:DescribeAlarms' : ''}`,
    };
  }
  const alarms = found.flatMap((alarm) => readAlarm(stackName, part, alarm) ?? []);
  return alarms.sort((one, other) => (one.name < other.name ? -1 : 1));
}

/**
 * An alarm of this deployment (lib/operations/alarms.ts): `{deployment}: {heading}`, or
 * `{deployment} {controlPlane}: {heading}`. The deployment's name is the stack's, and the construct's behind
 * a `-` where the stack is not its own.
 *
 * @returns undefined for one of another deployment, whose name only begins the same
 */
function readAlarm(stackName: string, part: string, alarm: FoundAlarm): ExaminedAlarm | undefined {
  const { AlarmName: name = '', AlarmDescription: description = '' } = alarm;
  const [, construct = '', controlPlane, heading] =
    /^((?:-[^: ]+)?)(?: ([a-z0-9-]{1,40}))?: (.+)$/s.exec(name.slice(stackName.length)) ?? [];
  return heading === undefined || construct.replaceAll(/[^A-Za-z0-9]/g, '') !== part
    ? undefined
    : {
        ...{ name, controlPlane, heading },
        since: alarm.StateTransitionedTimestamp ?? alarm.StateUpdatedTimestamp,
        runbook: /(https:\S+#\S+)\s*$/.exec(description)?.[1],
        isRinging: alarm.StateValue === 'ALARM',
        isHeard: alarm.ActionsEnabled !== false && (alarm.AlarmActions ?? []).length > 0,
        // It began so.
        isForDashboard: description.startsWith('For the dashboard'),
      };
}
