import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';

/** The function's log: JSON lines; level and service name come from the environment. */
export const logger = new Logger();

const metricsNamespace = 'Lifeboat';
export type MetricsNamespace = typeof metricsNamespace;

/** Metrics that alarms and dashboard read, of a deployment's control plane (docs/design.md#metrics). */
export const metricNames = [
  'ChangeToPublished',
  'ExportedEntities',
  'ConfigBytes',
  'Published',
  'Verified',
  'Behind',
  'Pinned',
  'Held',
  'ExportFailed',
  'ControlPlaneUnreachable',
  'VersionsWithoutFile',
  'VersionsNotServed',
  'ManifestReplaced',
  'NotVersioned',
  'SigningKeysMissing',
  'CertificateDaysLeft',
  'Listening',
  'HooksAccepted',
  'HooksRefused',
  'GrantsIssued',
  'GrantsRefused',
  'GrantsToDrills',
  'DrillSucceeded',
  'DrillSeconds',
  'RestorableAgeSeconds',
  'Commands',
  'CommandsRefused',
] as const;

export type MetricName = (typeof metricNames)[number];

const units: Readonly<Partial<Record<MetricName, (typeof MetricUnit)[keyof typeof MetricUnit]>>> = {
  ChangeToPublished: MetricUnit.Seconds,
  ConfigBytes: MetricUnit.Bytes,
  Listening: MetricUnit.Seconds,
  DrillSeconds: MetricUnit.Seconds,
  RestorableAgeSeconds: MetricUnit.Seconds,
};

const metrics = new Metrics({ namespace: metricsNamespace });
// Powertools would add its own dimension `service`, and every alarm would have to name it.
metrics.clearDefaultDimensions();
// Two deployments in an account and region may have a control plane of the same name.
metrics.setDefaultDimensions({ Deployment: process.env['DEPLOYMENT'] ?? 'unnamed' });

/** Writes metrics of one control plane as one line in the embedded metric format. */
export function measure(controlPlane: string, values: Readonly<Partial<Record<MetricName, number>>>): void {
  const told = Object.entries(values);
  if (told.length === 0) {
    // Powertools would warn of it in the log.
    return;
  }
  metrics.addDimension('ControlPlane', controlPlane);
  for (const [name, value] of told) {
    metrics.addMetric(name, units[name as MetricName] ?? MetricUnit.Count, value);
  }
  metrics.publishStoredMetrics();
}
