/** Everything that a person would check before asking somebody else, in order of urgency. */
import { InvalidArgumentError } from 'commander';
import { systemClock } from '../../core/clock.ts';
import { ApiError } from '../../core/fetch/api-request.ts';
import { StandbyError } from '../../core/fetch/errors.ts';
import type { AdminApiOptions } from '../admin-api-options.ts';
import { type ApiOptions, type ReachedApi, reachApi } from '../api-access.ts';
import { type AwsAccess, awsAccess, regionOf } from '../aws-access.ts';
import { readAlarms } from '../inspection/alarms.ts';
import { askControlPlane } from '../inspection/status.ts';
import type { ControlPlaneReport } from '../inspection/status-report.ts';
import { openAdminApi } from '../kong-admin/admin-api.ts';
import { findRegion } from '../options.ts';
import { print } from '../print.ts';
import { vaultNetwork } from '../vault-network.ts';
import { judgeAlarms } from './alarms.ts';
import { checkCaller } from './caller.ts';
import { checkEndpoint } from './endpoint.ts';
import { judgeCertificate, judgeFiles } from './files.ts';
import { type Check, type Finding, formatFindings, type Skipped } from './finding.ts';
import { checkKong } from './kong.ts';
import { readNamedParts } from './settings.ts';

export interface DoctorOptions extends ApiOptions, AdminApiOptions {
  /** A cdk.json. */
  readonly settings?: string | undefined;
  /** A last check that is older needs attention. */
  readonly maxCheckAge: number;
  readonly json?: true;
}

/**
 * @returns whether all was checked, and all is good
 * @throws InvalidArgumentError for wrong options; what is wrong elsewhere is a finding
 */
export async function examine(options: DoctorOptions): Promise<boolean> {
  const named =
    options.settings === undefined ? undefined : await readNamedParts(options.settings, options.controlPlane);
  const known = await examineAws(options);
  const findings = [...known.findings];
  const skipped: Skipped[] = [];
  if (options.stack === undefined) {
    const names = ['alarms', 'notifications', 'runbook'] as const;
    skipped.push({ checks: names, next: 'With --stack instead of --endpoint they are' });
  }
  if (options.adminUrl === undefined) {
    const names = ['plugins', 'wasm-filters', 'versions'] as const;
    skipped.push({ checks: names, next: 'With --admin-url and --settings they are' });
  } else {
    const { reports } = known;
    if (reports.length > 1) {
      throw new InvalidArgumentError('--admin-url is about one control plane: name it with --control-plane');
    }
    const versions = reports[0]?.answer?.read.versions.map(({ kongVersion }) => kongVersion);
    const admin = openAdminApi(options, await vaultNetwork(options.caFile));
    findings.push(...(await checkKong(admin, named, versions, systemClock.now())));
  }
  await print(
    options.json === true ? `${JSON.stringify({ findings, skipped })}\n` : formatFindings(findings, skipped),
  );
  return findings.every(({ outcome }) => outcome === 'good');
}

interface Known {
  readonly findings: readonly Finding[];
  readonly reports: readonly ControlPlaneReport[];
}

async function examineAws(options: DoctorOptions): Promise<Known> {
  let access: AwsAccess;
  try {
    access = await awsAccess(options);
  } catch (error) {
    const finding = findingOf(
      'credentials',
      'bad',
      error,
      'see above: without them nothing else is asked of AWS',
    );
    return withoutAws(options, [finding], 'without credentials it is not asked');
  }
  const { endpoint } = options;
  const region = endpoint === undefined ? await stackRegion(access) : findRegion(endpoint, options.region);
  const caller = await checkCaller(access, region, options.profile ?? process.env['AWS_PROFILE']);
  let reached: ReachedApi;
  try {
    reached = await reachApi(options, access);
  } catch (error) {
    const finding = findingOf('endpoint', 'bad', error, 'mend that, or give --endpoint and --control-plane');
    return withoutAws(options, [caller, finding], 'without the stack’s outputs it is not known where to ask');
  }
  return examineDeployment(options, reached, caller, region);
}

async function examineDeployment(
  options: DoctorOptions,
  { deployment, accessTo, aws }: ReachedApi,
  caller: Finding,
  region: string,
): Promise<Known> {
  const { controlPlane } = options;
  if (deployment !== undefined && controlPlane !== undefined) {
    const { findControlPlane } = await import('../deployment.ts');
    findControlPlane(deployment, controlPlane);
  }
  const names =
    controlPlane === undefined ? (deployment?.controlPlanes ?? []).map(({ name }) => name) : [controlPlane];
  const [place, alarms, ...reports] = await Promise.all([
    checkEndpoint(accessTo('').endpoint, deployment?.region ?? region, aws.network),
    deployment === undefined ? undefined : readAlarms(deployment, aws),
    ...names.map((name) => askControlPlane(accessTo(name), options.maxCheckAge)),
  ]);
  return {
    findings: [
      caller,
      ...place,
      ...reports.flatMap(judgeFiles),
      ...reports.map(judgeCertificate),
      ...(alarms === undefined ? [] : judgeAlarms(alarms)),
    ],
    reports,
  };
}

/** What else would have been asked, as unknown. The clock can be compared where an endpoint is given. */
async function withoutAws(
  options: DoctorOptions,
  findings: readonly Finding[],
  what: string,
): Promise<Known> {
  const { endpoint, stack } = options;
  const place =
    endpoint === undefined
      ? []
      : await checkEndpoint(endpoint, 'not known', await vaultNetwork(options.caFile));
  const others: readonly Check[] = [
    ...(endpoint === undefined ? (['clock', 'endpoint'] as const) : []),
    ...(['control-plane', 'certificate'] as const),
    ...(stack === undefined ? [] : (['alarms', 'notifications', 'runbook'] as const)),
  ];
  const told = new Set(findings.map(({ check }) => check));
  const unknown = others
    .filter((check) => !told.has(check))
    .map((check): Finding => ({ check, outcome: 'unknown', what }));
  return { findings: [...findings, ...place, ...unknown], reports: [] };
}

async function stackRegion({ sdk }: AwsAccess): Promise<string> {
  const { CloudFormationClient } = await import('@aws-sdk/client-cloudformation');
  return regionOf(new CloudFormationClient(sdk));
}

/** @throws what is no failure of others: wrong options */
function findingOf(check: Check, outcome: Finding['outcome'], error: unknown, next: string): Finding {
  if (!(error instanceof ApiError || error instanceof StandbyError)) {
    throw error;
  }
  return { check, outcome, what: error.message, next };
}
