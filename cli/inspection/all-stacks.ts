/** `lifeboat status --all-stacks`: every control plane of every stack of a region. */
import { reachDeployment } from '../api-access.ts';
import { awsAccess } from '../aws-access.ts';
import { type Deployment, findDeployments } from '../deployment.ts';
import { type Failure, readFailure } from '../failure.ts';
import { print } from '../print.ts';
import {
  askStatus,
  monitoringCodes,
  monitoringWords,
  notGood,
  type StatusOptions,
  tellReport,
  unknown,
} from './status.ts';
import { type StatusReport, summarize } from './status-report.ts';
import { formatReport, lookOf } from './status-text.ts';

interface StackReport {
  readonly deployment: Deployment;
  /** Undefined where nothing of it has answered. */
  readonly report: StatusReport | undefined;
  readonly failure: Failure | undefined;
  readonly state: StatusReport['state'];
}

/** Each stack has several control planes, which are asked side by side. */
const stacksAtOnce = 5;
const states = ['good', 'attention', 'critical'] as const;

/**
 * @returns the exit code, as `showStatus` has it, of the worst stack
 * @throws what finding the stacks has failed with, but for monitoring
 */
export async function showAllStacks(options: StatusOptions): Promise<number> {
  const asked = { ...options, controlPlane: undefined, stack: undefined };
  const reports = await askStacks(asked).catch((error: unknown) => {
    if (options.monitoring !== true) {
      throw error;
    }
    return readFailure(error, '');
  });
  if (!Array.isArray(reports)) {
    const { message = '' } = reports ?? {};
    await print(
      options.json === true
        ? `${JSON.stringify({ error: { ...reports, exitCode: unknown } })}\n`
        : `LIFEBOAT ${monitoringWords[unknown]} - ${message}\n`,
    );
    return unknown;
  }
  const state = states[Math.max(...reports.map((each) => states.indexOf(each.state)))] ?? 'critical';
  const code = monitoringCodes[state];
  const isMonitored = options.monitoring === true;
  const told = options.json
    ? `${JSON.stringify({ state, stacks: reports.map(tellStack) })}\n`
    : isMonitored
      ? `LIFEBOAT ${monitoringWords[code]} - ${summarizeStacks(reports)}\n`
      : formatStacks(reports);
  await print(told);
  return isMonitored ? code : state === 'good' ? 0 : notGood;
}

async function askStacks(options: StatusOptions): Promise<StackReport[]> {
  const aws = await awsAccess(options);
  const deployments = await findDeployments(aws);
  const reports: StackReport[] = [];
  for (let first = 0; first < deployments.length; first += stacksAtOnce) {
    const some = deployments.slice(first, first + stacksAtOnce);
    reports.push(
      ...(await Promise.all(
        some.map(async (deployment): Promise<StackReport> => {
          try {
            const report = await askStatus(options, reachDeployment(options, aws, deployment));
            return { deployment, report, failure: undefined, state: report.state };
          } catch (error) {
            return { deployment, report: undefined, failure: readFailure(error, ''), state: 'critical' };
          }
        }),
      )),
    );
  }
  return reports;
}

/** As `--stack` takes it. */
function nameOf({ stackName, part }: Deployment): string {
  return part === '' ? stackName : `${stackName}/${part}`;
}

function tellStack({ deployment, report, failure, state }: StackReport): object {
  const { region, controlPlanes } = deployment;
  return report === undefined
    ? {
        ...{ stack: nameOf(deployment), region, state, error: failure },
        controlPlanes: controlPlanes.map(({ name }) => ({ controlPlane: name })),
      }
    : { stack: nameOf(deployment), region, ...tellReport(report, {}) };
}

function formatStacks(reports: readonly StackReport[]): string {
  const look = lookOf();
  const texts = reports.map(({ deployment, report, failure }) => {
    const names = deployment.controlPlanes.map(({ name }) => name).join(', ');
    const said = report === undefined ? `${names}: ${failure?.message}\n` : formatReport(report, look);
    return `${look.paint(`Stack ${nameOf(deployment)} (${deployment.region})`, 'strong')}\n\n${said}\n`;
  });
  return `${texts.join('')}${countStacks(reports)}.\n`;
}

function summarizeStacks(reports: readonly StackReport[]): string {
  const wrong = reports.flatMap(({ deployment, report, failure, state }) =>
    state === 'good'
      ? []
      : [`${nameOf(deployment)}: ${report === undefined ? failure?.message : summarize(report)}`],
  );
  return [...wrong, countStacks(reports)].join('; ');
}

function countStacks(reports: readonly StackReport[]): string {
  const planes = reports.reduce((sum, { deployment }) => sum + deployment.controlPlanes.length, 0);
  const good = reports.filter(({ state }) => state === 'good').length;
  return `${planes} control planes in ${reports.length} stacks, of which ${good} need nothing`;
}
