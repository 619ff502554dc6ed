import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import type { MetricName, MetricsNamespace } from '../../lambdas/telemetry.ts';
import { formatDeploymentName } from '../conventions/deployment-name.ts';

const namespace: MetricsNamespace = 'Lifeboat';

/**
 * One of Lifeboat's own metrics, as lambdas/telemetry.ts writes them. By default its sum.
 *
 * @param part of the deployment whose metric it is
 */
export function createLifeboatMetric(
  part: Construct,
  controlPlane: string,
  metricName: MetricName,
  options: Pick<cloudwatch.MetricOptions, 'statistic' | 'period' | 'label'> = {},
): cloudwatch.Metric {
  return new cloudwatch.Metric({
    namespace,
    metricName,
    dimensionsMap: { Deployment: formatDeploymentName(part), ControlPlane: controlPlane },
    statistic: cloudwatch.Stats.SUM,
    ...options,
  });
}
