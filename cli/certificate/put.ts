/** Puts a cluster certificate into its secret, once it is one that an export would take. */
import { InvalidArgumentError } from 'commander';
import {
  readCertificateWithKey,
  UnusableClusterCertificate,
} from '../../core/access/certificate-with-key.ts';
import { describeCallFailure } from '../../core/aws-calls.ts';
import { systemClock } from '../../core/clock.ts';
import { makeClusterCertificate } from '../../core/export/cluster-certificate-secret.ts';
import { ApiError } from '../../core/fetch/api-request.ts';
import { readValidity } from '../../core/kong/certificate-validity.ts';
import { type AwsAccess, type AwsOptions, awsAccess } from '../aws-access.ts';
import { findControlPlane, findDeployment } from '../deployment.ts';
import { readGivenPem } from '../given-pem.ts';
import { personAtTerminal } from '../person.ts';
import { print } from '../print.ts';

export interface PutCertificateOptions extends AwsOptions {
  readonly controlPlane?: string;
  readonly stack?: string;
  readonly secret?: string;
  readonly clusterCert: string;
  readonly clusterCertKey: string;
  readonly clusterCaCert?: string;
  readonly dryRun?: true;
  readonly yes?: true;
  readonly json?: true;
}

/** Exports warn so long before the end. */
const warnedDays = 14;
const dayMs = 86_400_000;

/**
 * @throws InvalidArgumentError for what no export could connect with; ApiError when it was not confirmed, or
 * Secrets Manager does not take it
 */
export async function putCertificate(options: PutCertificateOptions): Promise<void> {
  const certificate = await readCertificate(options);
  const access = await awsAccess(options);
  const { secretId, region } = await findSecret(options, access);
  const { subject, fingerprint256: fingerprint, endsAt, days } = certificate;
  const facts = { secretId, subject, fingerprint, endsAt, days, dryRun: options.dryRun === true };
  const plan = [
    `secret        ${secretId}`,
    `certificate   ${subject}`,
    `SHA-256       ${fingerprint}`,
    `ends          ${endsAt.toISOString()}, in ${days} days`,
    ...(days <= warnedDays
      ? ['It ends soon, and exports will warn of it at once: issue one that lasts longer.']
      : []),
  ];
  if (options.json !== true || personAtTerminal.isThere) {
    process.stderr.write(`${plan.join('\n')}\n`);
  }
  if (options.dryRun !== true) {
    await confirm(options);
    await write(certificate.secret, secretId, { ...access, sdk: { ...access.sdk, ...region } });
  }
  const done = options.dryRun === true ? 'Nothing was written (--dry-run).' : 'It is in the secret.';
  await print(
    options.json === true
      ? `${JSON.stringify(facts)}\n`
      : `${done}${options.dryRun === true ? '' : ' The next export connects with it: lifeboat export asks for one at once.'}\n`,
  );
}

async function readCertificate(options: PutCertificateOptions) {
  const [certificate, key, ca] = await Promise.all([
    readGivenPem('--cluster-cert', options.clusterCert),
    readGivenPem('--cluster-cert-key', options.clusterCertKey),
    options.clusterCaCert ? readGivenPem('--cluster-ca-cert', options.clusterCaCert) : undefined,
  ]);
  const now = systemClock.now();
  try {
    const pair = readCertificateWithKey(certificate, key);
    const usable = makeClusterCertificate(pair, ca);
    const { from, to } = readValidity(usable.certificate);
    if (now > to) {
      throw new UnusableClusterCertificate(`the certificate ended on ${to.toISOString()}: issue another one`);
    }
    if (now < from) {
      throw new UnusableClusterCertificate(
        `the certificate is not valid before ${from.toISOString()}: wait, or check this machine’s clock`,
      );
    }
    const [{ subject, fingerprint256 }] = pair.chain;
    return {
      secret: JSON.stringify(usable),
      subject: subject.replaceAll('\n', ', '),
      fingerprint256,
      endsAt: to,
      days: Math.floor((to.getTime() - now.getTime()) / dayMs),
    };
  } catch (error) {
    if (error instanceof UnusableClusterCertificate) {
      throw new InvalidArgumentError(
        `--cluster-cert, --cluster-cert-key, --cluster-ca-cert: ${error.message}`,
      );
    }
    throw error;
  }
}

async function findSecret(
  options: PutCertificateOptions,
  access: AwsAccess,
): Promise<{ readonly secretId: string; readonly region: { readonly region?: string } }> {
  const { stack, secret } = options;
  if ((stack === undefined) === (secret === undefined)) {
    throw new InvalidArgumentError('say where it goes: give --stack (LIFEBOAT_STACK) or --secret');
  }
  if (secret !== undefined) {
    return { secretId: secret, region: {} };
  }
  const deployment = await findDeployment(options, access);
  const { name, clusterCertificateArn } = findControlPlane(deployment, options.controlPlane);
  if (clusterCertificateArn === undefined) {
    throw new InvalidArgumentError(
      `stack "${deployment.stackName}" names no secret for the cluster certificate of "${name}": it is a replica’s, which reads none`,
    );
  }
  return { secretId: clusterCertificateArn, region: { region: deployment.region } };
}

async function confirm({ yes }: PutCertificateOptions): Promise<void> {
  if (yes === true) {
    return;
  }
  if (!personAtTerminal.isThere) {
    throw new InvalidArgumentError(
      'nobody is at a terminal to confirm it: give --yes, or look with --dry-run',
    );
  }
  if (!/^y(es)?$/i.test(await personAtTerminal.ask('Put it there? [y/N] '))) {
    throw new ApiError('refused', 'it was not confirmed, and nothing was written');
  }
}

async function write(secret: string, secretId: string, { sdk }: AwsAccess): Promise<void> {
  const { SecretsManagerClient, PutSecretValueCommand } = await import('@aws-sdk/client-secrets-manager');
  try {
    await new SecretsManagerClient(sdk).send(
      new PutSecretValueCommand({ SecretId: secretId, SecretString: secret }),
    );
  } catch (error) {
    // Without the cause, which may quote what was sent.
    const code = error instanceof Error ? error.name : '';
    const isDenied = code === 'AccessDeniedException';
    throw new ApiError(
      isDenied ? 'denied' : code === 'ResourceNotFoundException' ? 'refused' : 'failed',
      `Secrets Manager did not take it for secret ${secretId} (${describeCallFailure(error)})${
        isDenied
          ? ': the role needs secretsmanager:PutSecretValue on it, and kms:GenerateDataKey with its key'
          : ''
      }. What was there is there still`,
    );
  }
}
