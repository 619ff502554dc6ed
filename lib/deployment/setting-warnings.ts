import { Annotations, Stack, Token } from 'aws-cdk-lib';
import { RegionInfo } from 'aws-cdk-lib/region-info';
import type { Construct } from 'constructs';
import { findClosest } from '../../core/closest-name.ts';
import { placeholderRunbookUrl } from '../settings/deployment-settings.ts';
import type { Settings } from '../settings/settings.ts';

/** Warns of alarms that nobody would hear, or that lead nowhere. */
export function warnOfAlarms(
  deployment: Construct,
  { alarmTopicArn, runbookUrl }: Pick<Settings, 'alarmTopicArn' | 'runbookUrl'>,
): void {
  warnOfSilence(deployment, alarmTopicArn);
  if (runbookUrl === placeholderRunbookUrl) {
    Annotations.of(deployment).addWarningV2(
      'lifeboat:placeholderRunbook',
      `alarms lead to ${runbookUrl}, which does not exist: put docs/runbook.md where your people read it, and name that in runbookUrl`,
    );
  }
}

export function warnOfSilence(deployment: Construct, alarmTopicArn: string | undefined): void {
  if (alarmTopicArn === undefined) {
    Annotations.of(deployment).addWarningV2(
      'lifeboat:alarmsNotifyNobody',
      'alarms change their state and notify nobody: name a standard SNS topic in alarmTopicArn, or in alarmTopic where it is a construct',
    );
  }
}

/** A misspelt region is found only when CDK looks for its endpoints, and a new one is not known here. */
export function warnOfRegion(deployment: Construct): void {
  const { region } = Stack.of(deployment);
  const known = RegionInfo.regions.map(({ name }) => name);
  if (Token.isUnresolved(region) || known.includes(region)) {
    return;
  }
  const closest = findClosest(region, known);
  Annotations.of(deployment).addWarningV2(
    'lifeboat:unknownRegion',
    `CDK knows no region ${region}: ${closest === undefined ? '' : `did you mean ${closest}? `}A newer one than aws-cdk-lib works, but ARNs of another partition are not found at synth`,
  );
}
