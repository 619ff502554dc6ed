import { Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { Api } from '../api/api.ts';
import { addApiOutputs, addGrantOutputs, addOutput, makeOutputId } from '../operations/outputs.ts';
import type { Vault } from '../vault/vault.ts';
import type { LifeboatUnit } from './lifeboat-unit.ts';

interface OutputParts extends Construct {
  readonly vault: Vault;
  readonly api: Api;
  readonly units: ReadonlyMap<string, LifeboatUnit>;
}

/** Adds to the stack of a deployment what people and `lifeboat --stack` need. */
export function addDeploymentOutputs(deployment: OutputParts): void {
  const { vault, api, units } = deployment;
  addApiOutputs(deployment, api);
  addOutput(deployment, 'Bucket', 'The vault', vault.bucket.bucketName);
  addOutput(deployment, 'SigningKeyArn', 'Key that signs the configurations', vault.signingKey.keyArn);
  // In an app that has the package, and in a checkout; never a package of the registry called lifeboat.
  const publicKey = 'npx --no-install lifeboat public-key --key-id';
  addOutput(
    deployment,
    'PublicKeyCommand',
    'Prints the public key that data planes pin',
    `${publicKey} ${vault.signingKey.keyArn}`,
  );
  for (const [name, { keyArn }] of [...vault.signingKeys].slice(1)) {
    addOutput(
      deployment,
      `PublicKeyCommand${name}`,
      `Prints the public key of the signing key "${name}", which signs nothing now`,
      `${publicKey} ${keyArn}`,
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
  for (const unit of units.values()) {
    addUnitOutputs(deployment, unit);
  }
}

function addUnitOutputs(deployment: Construct, watched: LifeboatUnit): void {
  const {
    controlPlane,
    export: unit,
    webhookUrl,
    commandArn,
    inspectArn,
    revisionGrantArn,
    readerRole,
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
  if (readerRole !== undefined) {
    addOutput(
      deployment,
      makeOutputId('ReaderRoleArn', controlPlane),
      `Role that data planes of ${controlPlane} in other accounts assume to ask for grants`,
      readerRole.roleArn,
    );
  }
  addOutput(
    deployment,
    makeOutputId('HookSecretArn', controlPlane),
    `Secret that signs the event hooks of ${controlPlane} (config.secret)`,
    unit.hookSecret.secretArn,
  );
  addOutput(
    deployment,
    makeOutputId('ClusterCertificateArn', controlPlane),
    `Secret to fill with the cluster certificate of a data plane of ${controlPlane}`,
    unit.certificateSecret.secretArn,
  );
}
