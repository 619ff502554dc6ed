import * as v from 'valibot';
import type { LocalAlarm } from '../../simulators/aws/cloudwatch.ts';
import type { ResourceType } from './resource-type.ts';

/** An alarm with its name, its words and whom it tells. Nothing computes its state here. */
const alarmProperties = v.object({
  AlarmName: v.string(),
  AlarmDescription: v.string(),
  AlarmActions: v.optional(v.array(v.string()), []),
});

export const alarmType = alarmOf('metric');
export const compositeAlarmType = alarmOf('composite');

function alarmOf(kind: LocalAlarm['kind']): ResourceType {
  return {
    create({ aws, region, accountId }, { properties }) {
      const {
        AlarmName: name,
        AlarmDescription: description,
        AlarmActions: actions,
      } = v.parse(alarmProperties, properties);
      aws.cloudWatch.putAlarm({ name, description, kind, actions });
      return { ref: name, arn: `arn:aws:cloudwatch:${region}:${accountId}:alarm:${name}` };
    },
  };
}
