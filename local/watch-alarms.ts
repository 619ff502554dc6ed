import type { AlarmState } from '../simulators/aws/alarm-evaluation.ts';
import type { Account } from './provision/account.ts';

export interface WatchedAlarms {
  evaluateAlarms(): ReadonlyMap<string, AlarmState>;
  passTime(seconds: number): void;
}

/** Evaluates alarms on a clock of their own, which goes ahead by what was passed. */
export function watchAlarms({ aws, measurements, queues }: Account): WatchedAlarms {
  const passed: { readonly atMs: number; readonly seconds: number }[] = [];
  const watched = (atMs: number) =>
    atMs + passed.reduce((sum, each) => sum + (each.atMs < atMs ? each.seconds * 1000 : 0), 0);
  return {
    evaluateAlarms() {
      const nowMs = Date.now();
      const at = new Date(watched(nowMs));
      const ofQueues = queues.flatMap(({ name, url }) => {
        const { oldestSeconds } = aws.sqs.measureQueue(url);
        const count = aws.sqs.countMessages(url);
        const measured = { at, namespace: 'AWS/SQS', dimensions: { QueueName: name } };
        const waitingMs = at.getTime() - watched(nowMs - oldestSeconds * 1000);
        return [
          { ...measured, name: 'ApproximateNumberOfMessagesVisible', value: count },
          {
            ...measured,
            name: 'ApproximateAgeOfOldestMessage',
            value: count === 0 ? 0 : waitingMs / 1000,
          },
        ];
      });
      const data = measurements.map((each) => ({ ...each, at: new Date(watched(each.at.getTime())) }));
      return aws.cloudWatch.evaluate([...data, ...ofQueues], at);
    },
    passTime(seconds) {
      passed.push({ atMs: Date.now(), seconds });
    },
  };
}
