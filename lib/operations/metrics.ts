import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { MetricName, MetricsNamespace } from '../../lambdas/telemetry.ts';

const namespace: MetricsNamespace = 'Lifeboat';

/** One of Lifeboat's own metrics, as lambdas/telemetry.ts writes them. By default its sum. */
export function createLifeboatMetric(
  controlPlane: string,
  metricName: MetricName,
  options: Pick<cloudwatch.MetricOptions, 'statistic' | 'period' | 'label'> = {},
): cloudwatch.Metric {
  return new cloudwatch.Metric({
    namespace,
    metricName,
    dimensionsMap: { ControlPlane: controlPlane },
    statistic: cloudwatch.Stats.SUM,
    ...options,
  });
}
