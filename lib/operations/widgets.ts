import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { Api, RouteMetricName } from '../api/api.ts';
import type { GrantUnit } from '../grants/grant-giver.ts';

/** Width of a CloudWatch dashboard in grid columns. */
export const dashboardColumns = 24;
export const thirdOfRow = dashboardColumns / 3;
export const graphHeight = 6;
// Room for two rows; with more control planes the console scrolls. Ten control planes have 50 alarms here,
// and a widget takes 100.
const alarmsHeight = 4;

export function createTextWidget(heading: string, howToRead: string): cloudwatch.IWidget {
  return new cloudwatch.TextWidget({
    markdown: `${heading}\n\n${howToRead}`,
    width: dashboardColumns,
    height: 3,
  });
}

export function createAlarmWidget(
  title: string,
  alarms: readonly cloudwatch.AlarmBase[],
  width: number,
): cloudwatch.IWidget {
  return new cloudwatch.AlarmStatusWidget({ title, alarms: [...alarms], width, height: alarmsHeight });
}

/** A metric of each grant route that there is: by IAM, by cluster certificate. */
export function listGrantMetrics(
  units: readonly GrantUnit[],
  api: Api,
  name: RouteMetricName,
  label: string,
): cloudwatch.Metric[] {
  return units.flatMap(({ controlPlane, dataPlaneAuth: { iam, clusterCertificate } }) => [
    ...(iam ? [api.grantMetric(controlPlane, name).with({ label: `${controlPlane} ${label}` })] : []),
    ...(clusterCertificate === undefined
      ? []
      : [
          api
            .grantMetric(controlPlane, name, 'POST')
            .with({ label: `${controlPlane} ${label}, by certificate` }),
        ]),
  ]);
}
