import * as v from 'valibot';
import { measureBatch } from '../core/export/measurements.ts';
import type { VersionReport } from '../core/export/version-report.ts';
import { type MetricName, metricNames } from '../lambdas/telemetry.ts';
import { createDeployedMeasure } from '../lib/deployment/deployed-bytes.ts';
import {
  findMostControlPlanes,
  type LimitName,
  measureStack,
  type StackFigures,
} from '../lib/deployment/stack-budget.ts';
import { resolveProperties } from '../template/resolve.ts';
import { withStacks } from '../template/synthesized-stack.ts';
import type { SynthesizedTemplate } from '../template/template.ts';
import {
  controlPlaneNameCharacters,
  regions,
  replicaWithEverything,
  turnEverythingOn,
} from './everything-on.ts';
import { prices } from './prices.ts';

type Usd = Readonly<Record<'alarms' | 'metrics' | 'keys' | 'secrets' | 'dashboards' | 'listeners', number>>;

export type StackCost = StackFigures & {
  readonly alarms: number;
  /** Time series that the functions of the stack can write. */
  readonly customMetrics: number;
  /** Those that they write while nothing happens. */
  readonly customMetricsIdle: number;
  readonly dashboardWidgets: number;
  /** Of the dashboard's body as it stands in the template. */
  readonly dashboardBytes: number;
  readonly usdPerMonthIdle: number;
  /** The parts of `usdPerMonthIdle`. */
  readonly usdPerMonth: Usd;
  /** When each custom metric has values in each hour. */
  readonly usdPerMonthWithEachMetric: number;
};

export type DeploymentCost = {
  readonly nameCharacters: number;
  readonly mostControlPlanes: number;
  readonly limit: LimitName;
  /** How many control planes each limit would allow, if it were the only one. */
  readonly mostByLimit: Readonly<Partial<Record<LimitName, number>>>;
  /** What inspection adds with each control plane. */
  readonly inspection: InspectionShare;
  readonly one: StackCost;
  readonly most: StackCost;
  readonly replica: { readonly one: StackCost; readonly most: StackCost };
};

export type InspectionShare = {
  readonly resources: number;
  /** Of the policies of its own role. */
  readonly rolePolicyBytes: number;
  /** What the bucket's policy, and all policies of keys together, say of that role. */
  readonly bucketPolicyBytes: number;
  readonly keyPolicyBytes: number;
  readonly usdPerMonthIdle: number;
};

/** Measures a deployment with everything on, of one control plane and of as many as a stack holds. */
export function measureDeployment(): DeploymentCost {
  const { mostControlPlanes, limit, byLimit } = findMostControlPlanes((count) =>
    withStacks(turnEverythingOn(count), regions, replicaWithEverything, ({ lifeboat }) =>
      measureStack(lifeboat),
    ),
  );
  const [one, most] = [measureBoth(1), measureBoth(mostControlPlanes)];
  return {
    nameCharacters: controlPlaneNameCharacters,
    mostControlPlanes,
    limit,
    mostByLimit: byLimit,
    inspection: measureInspectionShare(),
    one: one.first,
    most: most.first,
    replica: { one: one.second, most: most.second },
  };
}

function measureBoth(controlPlanes: number): { readonly first: StackCost; readonly second: StackCost } {
  return withStacks(
    turnEverythingOn(controlPlanes),
    regions,
    replicaWithEverything,
    (first, second, templateOf) => ({
      first: countCost(templateOf(first), measureStack(first.lifeboat), {
        metrics: controlPlanes * metricNames.length,
        idleMetrics: controlPlanes * idleMetrics.length,
        listeners: controlPlanes,
      }),
      // Its functions give grants and do nothing else.
      second: countCost(templateOf(second), measureStack(second.replica), {
        metrics: controlPlanes * grantMetrics.length,
        idleMetrics: 0,
        listeners: 0,
      }),
    }),
  );
}

/** Of one control plane: what bears its name, and what is said of its role elsewhere. */
function measureInspectionShare(): InspectionShare {
  return withStacks(turnEverythingOn(1), regions, replicaWithEverything, (stack, _, templateOf) => {
    const template = templateOf(stack);
    const measureBytes = createDeployedMeasure(stack);
    const all = Object.entries(template.Resources);
    const own = all.filter(([id]) => id.includes('nspect'));
    const role = own.find(([, { Type }]) => Type === 'AWS::IAM::Role')?.[1].Properties ?? {};
    const { RoleName: roleName } = v.parse(v.object({ RoleName: v.string() }), role);
    const sumOf = (resources: typeof all, type: string, bytesOf: (properties: Properties) => number) =>
      sum(
        resources.filter(([, { Type }]) => Type === type).map(([, each]) => bytesOf(each.Properties ?? {})),
      );
    const saidOfRole = (policy: unknown) =>
      measureBytes(policy) - measureBytes(withoutArnOf(roleName, policy));
    return {
      resources: own.length,
      rolePolicyBytes: sumOf(own, 'AWS::IAM::Role', ({ Policies }) => measureBytes(Policies)),
      bucketPolicyBytes: sumOf(all, 'AWS::S3::BucketPolicy', ({ PolicyDocument }) =>
        saidOfRole(PolicyDocument),
      ),
      keyPolicyBytes: sumOf(all, 'AWS::KMS::Key', ({ KeyPolicy }) => saidOfRole(KeyPolicy)),
      usdPerMonthIdle: countCost(
        { ...template, Resources: Object.fromEntries(own) },
        measureStack(stack.lifeboat),
        { metrics: 0, idleMetrics: 0, listeners: 0 },
      ).usdPerMonthIdle,
    };
  });
}

type Properties = Readonly<Record<string, unknown>>;

/** A policy whose lists do not name a role. */
function withoutArnOf(roleName: string, policy: unknown): unknown {
  if (Array.isArray(policy)) {
    return policy.filter((each) => !isArnOf(roleName, each)).map((each) => withoutArnOf(roleName, each));
  }
  return typeof policy === 'object' && policy !== null
    ? Object.fromEntries(Object.entries(policy).map(([key, value]) => [key, withoutArnOf(roleName, value)]))
    : policy;
}

/** ARNs of roles are joined: the account is known at deployment alone. */
function isArnOf(roleName: string, value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    'Fn::Join' in value &&
    JSON.stringify(value).endsWith(`:role/${roleName}"]]}`)
  );
}

const grantMetrics: readonly MetricName[] = ['GrantsIssued', 'GrantsRefused'];

/** What a scheduled export writes that finds nothing new. */
export const scheduledMetrics = Object.keys(
  measureBatch(
    {
      report: {
        versions: [{ outcome: 'unchanged' } as VersionReport],
        waitingSince: undefined,
        finishedAt: new Date(0),
        versionsWithoutFile: 0,
        pluginVersionsOmitted: false,
        statusError: undefined,
        missingKeys: [],
        complete: true,
      },
      unreadable: [],
      retry: undefined,
      gaveUp: false,
    },
    { certificateDaysLeft: 365 },
  ),
);

/** The listener writes one more. */
const idleMetrics = ['Listening', ...scheduledMetrics];

const dashboardProperties = v.object({ DashboardBody: v.string() });
const dashboardBody = v.object({ widgets: v.array(v.unknown()) });
const alarmProperties = v.object({
  Metrics: v.optional(v.array(v.object({ MetricStat: v.optional(v.unknown()) }))),
});

/** What the functions of a stack are paid for. */
interface PaidUse {
  /** Metrics that they can write, and those that they write while nothing happens. */
  readonly metrics: number;
  readonly idleMetrics: number;
  readonly listeners: number;
}

function countCost(
  template: SynthesizedTemplate,
  figures: StackFigures,
  { metrics, idleMetrics: idle, listeners }: PaidUse,
): StackCost {
  const ofType = (type: string) =>
    Object.entries(template.Resources).filter(([, resource]) => resource.Type === type);
  const dashboards = ofType('AWS::CloudWatch::Dashboard').map(([id]) => readDashboard(template, id));
  const metricAlarms = ofType('AWS::CloudWatch::Alarm');
  const alarmMetrics = sum(metricAlarms.map(([, { Properties }]) => countAlarmMetrics(Properties)));
  const usdPerMonth: Usd = {
    alarms: roundToCents(alarmMetrics * prices.alarmMetric.usdPerMonth),
    metrics: roundToCents(idle * prices.customMetric.usdPerMonth),
    keys: ofType('AWS::KMS::Key').length * prices.key.usdPerMonth,
    secrets: roundToCents(ofType('AWS::SecretsManager::Secret').length * prices.secret.usdPerMonth),
    dashboards: dashboards.length * prices.dashboard.usdPerMonth,
    listeners: roundToCents(listeners * prices.listener.usdPerMonth),
  };
  const usdPerMonthIdle = roundToCents(sum(Object.values(usdPerMonth)));
  return {
    ...figures,
    alarms: metricAlarms.length,
    customMetrics: metrics,
    customMetricsIdle: idle,
    dashboardWidgets: sum(dashboards.map((body) => v.parse(dashboardBody, JSON.parse(body)).widgets.length)),
    dashboardBytes: sum(dashboards.map((body) => Buffer.byteLength(body))),
    usdPerMonthIdle,
    usdPerMonth,
    usdPerMonthWithEachMetric: roundToCents(
      usdPerMonthIdle + (metrics - idle) * prices.customMetric.usdPerMonth,
    ),
  };
}

/** Metrics that an alarm is billed for: one, or those of its expression; a query here finds one. */
export function countAlarmMetrics(properties: unknown): number {
  const { Metrics = [] } = v.parse(alarmProperties, properties);
  return Math.max(1, Metrics.filter(({ MetricStat }) => MetricStat !== undefined).length);
}

function readDashboard(template: SynthesizedTemplate, id: string): string {
  const makeName = (logicalId: string) => `Lifeboat-${logicalId}-${'x'.repeat(12)}`;
  const properties = resolveProperties(template, id, {
    region: regions.first,
    accountId: '111122223333',
    namesOf: (logicalId) => ({
      ref: makeName(logicalId),
      arn: `arn:aws:cloudwatch:${regions.first}:111122223333:alarm:${makeName(logicalId)}`,
      attributes: { QueueName: makeName(logicalId) },
    }),
  });
  return v.parse(dashboardProperties, properties).DashboardBody;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

function roundToCents(usd: number): number {
  return Math.round(usd * 100) / 100;
}
