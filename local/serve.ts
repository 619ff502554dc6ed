import { once } from 'node:events';
import { join } from 'node:path';
import { credentialVariables, type Identity } from '../simulators/aws/identities.ts';
import { writePrivateFile } from '../simulators/aws/private-files.ts';
import type { LocalSystem } from './local-system.ts';
import { controlPlaneName, firstExport } from './rehearsal/rehearsal.ts';
import type { Subject } from './rehearsal/subject.ts';
import { describeManifest, type Timeline } from './rehearsal/timeline.ts';
import { openVaultView, type VaultView } from './rehearsal/vault-view.ts';

export interface Serving {
  readonly system: LocalSystem;
  readonly subject: Subject;
  readonly directory: string;
  readonly json: boolean;
  readonly timeline: Timeline;
  /** Takes what is for a machine. */
  readonly print: (text: string) => void;
}

/** Publishes once, prints what a person needs to try everything by hand, and runs until SIGINT or SIGTERM. */
export async function serve({ system, subject, directory, json, timeline, print }: Serving): Promise<void> {
  const { simulator, dataPlaneVersion } = subject;
  const vault = await openVaultView(system, controlPlaneName, dataPlaneVersion);
  await simulator?.installHook(system.webhookUrl, system.hookSecret);
  timeline.step('First export', describeManifest(await firstExport(system, vault)));

  const endpoints = writeEndpoints(system, subject, vault, directory);
  if (json) {
    print(`${JSON.stringify(endpoints)}\n`);
  } else {
    timeline.title(describeCommands(endpoints));
  }
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
}

type Endpoints = ReturnType<typeof writeEndpoints>;

/** Writes credentials and keys to files, and says where everything is. */
function writeEndpoints(system: LocalSystem, subject: Subject, vault: VaultView, directory: string) {
  const write = (name: string, content: string | Buffer) => {
    const path = join(directory, name);
    writePrivateFile(path, content);
    return path;
  };
  return {
    apiUrl: system.apiUrl,
    webhookUrl: system.webhookUrl,
    adminUrl: subject.simulator?.adminUrl ?? null,
    clusterEndpoint: subject.clusterEndpoint,
    aws: system.awsEndpoints,
    region: system.region,
    bucket: system.bucket,
    signingKeyArn: system.signingKeyArn,
    grantFunctionArn: system.grantFunctionArn,
    publicKeyFile: write('signing-key.pem', vault.key.key.export({ format: 'pem', type: 'spki' })),
    hookSecretFile: write('hook-secret', system.hookSecret),
    dataPlaneCredentialsFile: write('data-plane.env', formatShellVariables(system, system.dataPlane)),
    administratorCredentialsFile: write(
      'administrator.env',
      formatShellVariables(system, system.administrator),
    ),
    inspectorCredentialsFile: write('inspector.env', formatShellVariables(system, system.inspector)),
    clusterCertificateFile: write('cluster.crt', subject.certificate.certificate),
    clusterKeyFile: write('cluster.key', subject.certificate.key),
    dataPlaneVersion: subject.dataPlaneVersion,
    /**
     * Where the printed `lifeboat fetch` writes: the file holds secrets and does not belong in the project.
     */
    fetchedFile: join(directory, 'config.json'),
    historyFile: join(directory, 'history.html'),
    logDirectory: system.logDirectory,
  };
}

function formatShellVariables(system: LocalSystem, identity: Identity): string {
  const variables = {
    AWS_REGION: system.region,
    ...credentialVariables(identity),
    ...system.awsEndpoints,
  };
  return Object.entries(variables)
    .map(([name, value]) => `export ${name}='${value}'\n`)
    .join('');
}

/** A path as a shell takes it, in quotes only where it needs them. */
function quotePath(path: string): string {
  return /^[\w./+@%-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

function describeCommands(endpoints: Endpoints): string {
  const grantUrl = `${endpoints.apiUrl}/control-planes/${controlPlaneName}/fallback-config?kongVersion=${endpoints.dataPlaneVersion}`;
  const change =
    endpoints.adminUrl === null
      ? ''
      : `# change something in the control plane; its event hook asks for an export
curl -s ${endpoints.adminUrl}/services -H 'content-type: application/json' -d '{"name":"mine","url":"http://example.com"}'

`;
  return `Run the commands below in another terminal, in this folder. Ctrl-C in this one ends the system.

${change}# send an event hook yourself, signed as Kong signs it (202; without the signature 401)
body='{"source":"crud","event":"routes:update"}'
signature=$(printf %s "$body" | openssl dgst -sha256 -hmac "$(cat ${quotePath(endpoints.hookSecretFile)})" | sed 's/^.*= //')
curl -i ${endpoints.webhookUrl} -H 'content-type: application/json' -H "x-kong-signature: sha256=$signature" -d "$body"

# the credentials of a data plane's role
. ${quotePath(endpoints.dataPlaneCredentialsFile)}

# fetch the file as a new data plane
node dist/lifeboat.cjs fetch --control-plane ${controlPlaneName} --kong-version ${endpoints.dataPlaneVersion} \\
  --endpoint ${endpoints.apiUrl} --public-key ${quotePath(endpoints.publicKeyFile)} \\
  --output ${quotePath(endpoints.fetchedFile)}

# or request the grant alone
curl -s --aws-sigv4 aws:amz:${endpoints.region}:execute-api --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \\
  -H "x-amz-security-token: $AWS_SESSION_TOKEN" '${grantUrl}'

# or as a data plane in a private network, which invokes the function instead
node dist/lifeboat.cjs fetch --control-plane ${controlPlaneName} --kong-version ${endpoints.dataPlaneVersion} \\
  --endpoint ${endpoints.grantFunctionArn} --public-key ${quotePath(endpoints.publicKeyFile)} \\
  --output ${quotePath(endpoints.fetchedFile)}

# or as a data plane without AWS credentials and Node: with its cluster certificate, curl and openssl
LIFEBOAT_ENDPOINT=${endpoints.apiUrl} LIFEBOAT_CONTROL_PLANE=${controlPlaneName} LIFEBOAT_KONG_VERSION=${endpoints.dataPlaneVersion} \\
  LIFEBOAT_PUBLIC_KEY=${quotePath(endpoints.publicKeyFile)} LIFEBOAT_OUTPUT=${quotePath(endpoints.fetchedFile)} \\
  KONG_CLUSTER_CERT=${quotePath(endpoints.clusterCertificateFile)} KONG_CLUSTER_CERT_KEY=${quotePath(endpoints.clusterKeyFile)} \\
  examples/data-plane/shell/lifeboat-fetch.sh

# what people on call ask: whether a new data plane could boot, and what changed (a page for the browser)
(. ${quotePath(endpoints.inspectorCredentialsFile)}; export LIFEBOAT_ENDPOINT=${endpoints.apiUrl} LIFEBOAT_CONTROL_PLANE=${controlPlaneName}
node dist/lifeboat.cjs status && node dist/lifeboat.cjs history --html ${quotePath(endpoints.historyFile)})

# the signing key, as an operator reads it for data planes to pin (their own role may not read it from KMS)
(. ${quotePath(endpoints.administratorCredentialsFile)}; node dist/lifeboat.cjs public-key --key-id ${endpoints.signingKeyArn})

# the logs of the functions and of the API
tail -f ${quotePath(endpoints.logDirectory)}/*.log
`;
}
