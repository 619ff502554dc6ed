import * as v from 'valibot';
import { alarmRule } from '../../simulators/aws/alarm-evaluation.ts';
import type { ResourceType } from './resource-type.ts';

/** An alarm with its name, its words and whom it tells, and when it rings. */
const alarmProperties = v.object({
  AlarmName: v.string(),
  AlarmDescription: v.string(),
  AlarmActions: v.optional(v.array(v.string()), []),
});

export const alarmType: ResourceType = {
  create({ aws, region, accountId }, { properties }) {
    const {
      AlarmName: name,
      AlarmDescription: description,
      AlarmActions: actions,
    } = v.parse(alarmProperties, properties);
    const rule = v.parse(alarmRule, properties);
    aws.cloudWatch.putAlarm({ name, description, kind: 'metric', actions, rule });
    return { ref: name, arn: `arn:aws:cloudwatch:${region}:${accountId}:alarm:${name}` };
  },
};
