/** What the smallest deployment costs in a month, resource by resource, and what is done with it. */
import { parseSettings } from '../lib/settings/settings.ts';
import { synthesizedTemplate } from '../template/synthesized-stack.ts';
import { countAlarmMetrics, scheduledMetrics } from './deployment.ts';
import { prices, usePrices } from './prices.ts';

export interface CostRow {
  readonly what: string;
  /** USD a month: idle with one control plane, and what each further one adds. */
  readonly first: number;
  readonly further: number;
  /** What a change in each minute adds, of one control plane. */
  readonly changeAMinute: number;
}

export type Cost = {
  readonly idleFirstUsd: number;
  /** Where it is one of an account's first three, or left out. */
  readonly idleFirstWithoutDashboardUsd: number;
  readonly idleFurtherUsd: number;
  readonly changeAMinuteUsd: number;
};

const minutesPerMonth = (365 * 24 * 60) / 12;
const scheduleMinutes = 5;

/** What an export does, read from core/export and core/vault. Rather too much than too little. */
const anExport = {
  /**
   * At the default of 1024 MiB: for the schedule the first frame will do (docs/design.md, "Read as a data
   * plane"), which a control plane makes within a second at 30,000 entities.
   */
  scheduledGbSeconds: 2,
  /** With the settle time: it waits for a newer configuration. */
  toldGbSeconds: 8,
  /** Its message: sent, received, deleted. */
  messages: 3,
  /** HEAD and GET of the file, its manifest and the status. */
  reads: 5,
  /** The status is signed and written by each. */
  signatures: 1,
  writes: 1,
  logBytes: 3000,
};
/** What a publication does besides, with the hook that led to it. */
const aPublication = {
  webhookGbSeconds: 0.025,
  signatures: 1,
  writes: 1,
  keyRequests: 1,
  logBytes: 4000,
  /** Compressed, at 30,000 entities; kept for 30 days. */
  storedGb: 1.3e-3,
};
/** What a drill does, of one version, and what asks each hour whether one is due. */
const aDrill = { askedGbSeconds: 0.3, gbSeconds: 10, metrics: 4 };
/** Lambda's own pollers, each of which asks every 20 seconds. */
const pollsPerMonth = 5 * 3 * minutesPerMonth;
/** They have values while something happens. */
const changeMetrics = ['Published', 'ChangeToPublished', 'ExportedEntities', 'ConfigBytes', 'HooksAccepted'];

/** One row for each kind of thing that AWS bills. */
export function listCost(): readonly CostRow[] {
  const [one, two] = [countResources(1), countResources(2)];
  const standing = (what: string, count: (counted: Counted) => number, usd: number): CostRow => ({
    what,
    first: count(one) * usd,
    further: (count(two) - count(one)) * usd,
    changeAMinute: 0,
  });
  return [
    standing('KMS keys', ({ keys }) => keys, prices.key.usdPerMonth),
    standing('secrets', ({ secrets }) => secrets, prices.secret.usdPerMonth),
    standing('metrics of alarms', ({ alarmMetrics }) => alarmMetrics, prices.alarmMetric.usdPerMonth),
    standing('dashboards', ({ dashboards }) => dashboards, prices.dashboard.usdPerMonth),
    {
      ...each('own metrics', scheduledMetrics.length * prices.customMetric.usdPerMonth),
      changeAMinute: changeMetrics.length * prices.customMetric.usdPerMonth,
    },
    ...listUse(),
    { ...each('drill', costOfDrills()), changeAMinute: 0 },
  ];
}

/** It tells its metrics in one hour of each day, and a metric is billed for the hours in which it is told. */
function costOfDrills(): number {
  const { lambdaGbSecond, lambdaRequest, schedule } = usePrices;
  const daysPerMonth = minutesPerMonth / (24 * 60);
  const asked =
    daysPerMonth * 24 * (schedule.usd + lambdaRequest.usd + aDrill.askedGbSeconds * lambdaGbSecond.usd);
  const played = daysPerMonth * aDrill.gbSeconds * lambdaGbSecond.usd;
  return asked + played + (aDrill.metrics * prices.customMetric.usdPerMonth) / 24;
}

function each(what: string, usd: number): Omit<CostRow, 'changeAMinute'> {
  return { what, first: usd, further: usd };
}

/** What exports do: those of the schedule, and one for each change. */
function listUse(): readonly CostRow[] {
  const { lambdaGbSecond, lambdaRequest, sqsRequest } = usePrices;
  const used = (
    what: string,
    ofExport: number,
    ofPublication: number,
    { always = 0, ofScheduled = ofExport }: { readonly always?: number; readonly ofScheduled?: number } = {},
  ): CostRow => ({
    ...each(what, always + (minutesPerMonth / scheduleMinutes) * ofScheduled),
    changeAMinute: minutesPerMonth * (ofExport + ofPublication),
  });
  const { kmsSignature, kmsRequest, s3Get, s3Put, s3GbMonth, logGb, httpApiRequest, schedule } = usePrices;
  return [
    used(
      'functions',
      lambdaRequest.usd + anExport.toldGbSeconds * lambdaGbSecond.usd,
      lambdaRequest.usd + aPublication.webhookGbSeconds * lambdaGbSecond.usd,
      { ofScheduled: lambdaRequest.usd + anExport.scheduledGbSeconds * lambdaGbSecond.usd },
    ),
    used(
      'calls of KMS',
      anExport.signatures * kmsSignature.usd,
      aPublication.signatures * kmsSignature.usd + aPublication.keyRequests * kmsRequest.usd,
    ),
    used(
      'S3',
      anExport.reads * s3Get.usd + anExport.writes * s3Put.usd,
      aPublication.writes * s3Put.usd + aPublication.storedGb * s3GbMonth.usd,
    ),
    used('queues', anExport.messages * sqsRequest.usd, 0, { always: pollsPerMonth * sqsRequest.usd }),
    used(
      'logs, schedule and API',
      (anExport.logBytes / 1e9) * logGb.usd + schedule.usd,
      (aPublication.logBytes / 1e9) * logGb.usd + httpApiRequest.usd,
    ),
  ];
}

/** The sums of the table, in whole cents. */
export function measureCost(rows: readonly CostRow[] = listCost()): Cost {
  const sum = (of: (row: CostRow) => number) =>
    Math.round(rows.reduce((total, row) => total + of(row), 0) * 100) / 100;
  return {
    idleFirstUsd: sum(({ first }) => first),
    idleFirstWithoutDashboardUsd: sum(({ what, first }) => (what === 'dashboards' ? 0 : first)),
    idleFurtherUsd: sum(({ further }) => further),
    changeAMinuteUsd: sum(({ changeAMinute }) => changeAMinute),
  };
}

interface Counted {
  readonly keys: number;
  readonly secrets: number;
  readonly alarmMetrics: number;
  readonly dashboards: number;
}

function countResources(controlPlanes: number): Counted {
  const template = synthesizedTemplate(
    parseSettings({
      controlPlanes: Object.fromEntries(
        Array.from({ length: controlPlanes }, (_, index) => [
          `cp-${index}`,
          { clusterEndpoint: `kong-cp-${index}.example.com:8005`, dataPlaneVersions: ['3.9.1'] },
        ]),
      ),
    }),
  );
  const ofType = (type: string) => Object.values(template.Resources).filter(({ Type }) => Type === type);
  return {
    keys: ofType('AWS::KMS::Key').length,
    secrets: ofType('AWS::SecretsManager::Secret').length,
    alarmMetrics: ofType('AWS::CloudWatch::Alarm').reduce(
      (sum, { Properties }) => sum + countAlarmMetrics(Properties),
      0,
    ),
    dashboards: ofType('AWS::CloudWatch::Dashboard').length,
  };
}
