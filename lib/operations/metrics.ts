import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { MetricName } from '../../lambdas/telemetry.ts';

/**
 * One of Lifeboat's own metrics: namespace `Lifeboat`, the one dimension ControlPlane (lambdas/telemetry.ts).
 * By default its sum.
 */
export function createLifeboatMetric(
  controlPlane: string,
  metricName: MetricName,
  options: Pick<cloudwatch.MetricOptions, 'statistic' | 'period' | 'label'> = {},
): cloudwatch.Metric {
  return new cloudwatch.Metric({
    namespace: 'Lifeboat',
    metricName,
    dimensionsMap: { ControlPlane: controlPlane },
    statistic: cloudwatch.Stats.SUM,
    ...options,
  });
}
