import { Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { GrantGiver } from '../grants/grant-giver.ts';
import {
  addApiOutputs,
  addDataEventOutput,
  addGrantOutputs,
  addOutput,
  makeOutputId,
} from '../operations/outputs.ts';
import type { Vault } from '../vault/vault.ts';
import type { LifeboatUnit } from './lifeboat-unit.ts';

interface OutputParts extends GrantGiver<LifeboatUnit> {
  readonly vault: Vault;
  readonly bucketName: string;
  readonly signingKeyArn: string;
  readonly publicKeyCommand: string;
  readonly publicKeyCommands: ReadonlyMap<string, string>;
  readonly dataEventSelector: string | undefined;
}

/** The command that prints the public half of a signing key. */
export function formatPublicKeyCommand(keyArn: string): string {
  // In an app that has the package, and in a checkout; never a package of the registry called lifeboat.
  return `npx --no-install lifeboat public-key --key-id ${keyArn}`;
}

/** Adds to the stack of a deployment what people and `lifeboat --stack` need. */
export function addDeploymentOutputs(deployment: OutputParts): void {
  const { vault, units } = deployment;
  addApiOutputs(deployment);
  addOutput(deployment, 'Bucket', 'The vault', deployment.bucketName);
  addOutput(deployment, 'SigningKeyArn', 'Key that signs the configurations', deployment.signingKeyArn);
  addOutput(
    deployment,
    'PublicKeyCommand',
    'Prints the public key that data planes pin',
    deployment.publicKeyCommand,
  );
  for (const [name, command] of [...deployment.publicKeyCommands].slice(1)) {
    addOutput(
      deployment,
      `PublicKeyCommand${name}`,
      `Prints the public key of the signing key "${name}", which signs nothing now`,
      command,
    );
  }
  if (vault.encryptionKeyStatements.length > 0) {
    addOutput(
      deployment,
      'EncryptionKeyStatements',
      'Statements that the policy of your encryption key needs',
      Stack.of(deployment).toJsonString(
        vault.encryptionKeyStatements.map((statement) => statement.toStatementJson()),
      ),
    );
  }
  for (const [name, statements] of vault.signingKeyStatements) {
    addOutput(
      deployment,
      `SigningKeyStatements${name}`,
      `Statements that the policy of the signing key "${name}", which was there already, needs`,
      Stack.of(deployment).toJsonString(statements.map((statement) => statement.toStatementJson())),
    );
  }
  addDataEventOutput(deployment);
  for (const unit of units.values()) {
    addUnitOutputs(deployment, unit);
  }
}

function addUnitOutputs(deployment: Construct, watched: LifeboatUnit): void {
  const {
    controlPlane,
    webhookUrl,
    commandArn,
    inspectArn,
    revisionGrantArn,
    readerRoleArn,
    hookSecretArn,
    clusterCertificateArn,
  } = watched;
  addOutput(
    deployment,
    makeOutputId('WebhookUrl', controlPlane),
    `URL for the event hooks of ${controlPlane} (config.url)`,
    webhookUrl,
  );
  addGrantOutputs(deployment, watched);
  if (commandArn !== undefined) {
    addOutput(
      deployment,
      makeOutputId('CommandArn', controlPlane),
      `Allow the roles of operators of ${controlPlane} execute-api:Invoke on this`,
      commandArn,
    );
  }
  addOutput(
    deployment,
    makeOutputId('InspectArn', controlPlane),
    `Allow people who may look at the revisions of ${controlPlane} execute-api:Invoke on this`,
    inspectArn,
  );
  addOutput(
    deployment,
    makeOutputId('RevisionGrantArn', controlPlane),
    `Allow people who may have the file of any revision of ${controlPlane} execute-api:Invoke on this`,
    revisionGrantArn,
  );
  if (readerRoleArn !== undefined) {
    addOutput(
      deployment,
      makeOutputId('ReaderRoleArn', controlPlane),
      `Role that data planes of ${controlPlane} in other accounts assume to ask for grants`,
      readerRoleArn,
    );
  }
  addOutput(
    deployment,
    makeOutputId('HookSecretArn', controlPlane),
    `Secret that signs the event hooks of ${controlPlane} (config.secret)`,
    hookSecretArn,
  );
  addOutput(
    deployment,
    makeOutputId('ClusterCertificateArn', controlPlane),
    `Secret to fill with the cluster certificate of a data plane of ${controlPlane}`,
    clusterCertificateArn,
  );
}
