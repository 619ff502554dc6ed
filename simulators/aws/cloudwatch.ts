/** DescribeAlarms of Amazon CloudWatch, in memory. Behaviour: its API Reference. */
import * as v from 'valibot';
import { type Access, overTls } from './access.ts';
import { type AlarmRule, type AlarmState, type Datum, evaluateAlarm } from './alarm-evaluation.ts';
import { jsonOperation, startJsonService } from './json-service.ts';
import type { RunningService, ServiceContext } from './signed-server.ts';

export interface LocalAlarm {
  readonly name: string;
  readonly description: string;
  readonly kind: 'metric' | 'composite';
  /** What it notifies when it begins; empty where it notifies nobody. */
  readonly actions: readonly string[];
  /** When it rings. @default its state is set, and never evaluated */
  readonly rule?: AlarmRule | undefined;
}

export interface LocalCloudWatch extends RunningService {
  /** Makes an alarm, whose state nobody has computed yet. */
  putAlarm(alarm: LocalAlarm): void;
  /**
   * Evaluates all alarms that have a rule.
   *
   * @returns their states by name
   * @throws Error where a state depends on what `FILL` makes of a metric without any value: that is not
   * documented
   */
  evaluate(data: readonly Datum[], at: Date): ReadonlyMap<string, AlarmState>;
  /** Sets its state, which no metric decides here. @throws Error when there is no such alarm */
  setState(name: string, state: AlarmState): void;
}

interface StatedAlarm extends LocalAlarm {
  readonly state: AlarmState;
  readonly since: Date;
}

const alarmTypes = v.picklist(['MetricAlarm', 'CompositeAlarm']);

/** Starts a CloudWatch that forgets its alarms when it stops. */
export async function startLocalCloudWatch(context: ServiceContext): Promise<LocalCloudWatch> {
  const { region, accountId, now } = context;
  const alarms = new Map<string, StatedAlarm>();
  const pageOf = (names: readonly string[], kind: LocalAlarm['kind']) =>
    names.flatMap((name) => {
      const alarm = alarms.get(name);
      return alarm?.kind === kind
        ? [
            {
              AlarmName: name,
              AlarmArn: `arn:aws:cloudwatch:${region}:${accountId}:alarm:${name}`,
              AlarmDescription: alarm.description,
              AlarmActions: alarm.actions,
              ActionsEnabled: true,
              StateValue: alarm.state,
              StateTransitionedTimestamp: alarm.since.getTime() / 1000,
            },
          ]
        : [];
    });

  const describeAlarms = jsonOperation(
    v.strictObject({
      AlarmNamePrefix: v.optional(v.string(), ''),
      AlarmTypes: v.optional(v.array(alarmTypes), ['MetricAlarm']),
      StateValue: v.optional(v.picklist(['OK', 'ALARM', 'INSUFFICIENT_DATA'])),
      MaxRecords: v.optional(v.pipe(v.number(), v.minValue(1), v.maxValue(100)), 50),
      NextToken: v.optional(v.string()),
    }),
    ({ AlarmNamePrefix, AlarmTypes, StateValue, MaxRecords, NextToken }) => {
      const wanted = new Set(AlarmTypes.map((type) => (type === 'MetricAlarm' ? 'metric' : 'composite')));
      const names = [...alarms.values()]
        .filter(({ name, kind }) => name.startsWith(AlarmNamePrefix) && wanted.has(kind))
        .filter(({ state }) => StateValue === undefined || state === StateValue)
        .map(({ name }) => name)
        .sort();
      const start = Number(NextToken ?? 0);
      const page = names.slice(start, start + MaxRecords);
      return {
        MetricAlarms: pageOf(page, 'metric'),
        CompositeAlarms: pageOf(page, 'composite'),
        ...(start + MaxRecords < names.length ? { NextToken: String(start + MaxRecords) } : {}),
      };
    },
  );

  /** It is asked about all of a region's alarms. The name stands for any: no decision is about a wildcard. */
  const accessesOf = (): readonly Access[] => [
    {
      action: 'cloudwatch:DescribeAlarms',
      resourceArn: `arn:aws:cloudwatch:${region}:${accountId}:alarm:any`,
      context: overTls,
    },
  ];

  const service = await startJsonService(
    { service: 'monitoring', target: 'GraniteServiceVersion20100801', version: '1.0' },
    { DescribeAlarms: describeAlarms },
    accessesOf,
    context,
  );
  return {
    ...service,
    putAlarm(alarm) {
      alarms.set(alarm.name, { ...alarm, state: 'INSUFFICIENT_DATA', since: now() });
    },
    evaluate(data, at) {
      const states = new Map<string, AlarmState>();
      for (const { name, rule, state: before, since } of alarms.values()) {
        if (rule !== undefined) {
          const state = evaluateAlarm(rule, data, at, 'zeros');
          if (state !== evaluateAlarm(rule, data, at, 'nothing')) {
            throw new Error(`${name} depends on what FILL makes of a metric without any value`);
          }
          states.set(name, state);
          const alarm = alarms.get(name);
          if (alarm !== undefined) {
            alarms.set(name, { ...alarm, state, since: state === before ? since : at });
          }
        }
      }
      return states;
    },
    setState(name, state) {
      const alarm = alarms.get(name);
      if (alarm === undefined) {
        throw new Error(`there is no alarm ${name}`);
      }
      alarms.set(name, { ...alarm, state, since: now() });
    },
  };
}
