import { Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { addApiOutputs, addGrantOutputs, addOutput, makeOutputId } from '../operations/outputs.ts';
import { Lifeboat, type LifeboatUnit } from './lifeboat.ts';
import type { LifeboatProps } from './lifeboat-props.ts';

/** Properties of a stack for Lifeboat alone. */
export interface LifeboatStackProps extends StackProps {
  /** Properties of `Lifeboat`. */
  readonly settings: LifeboatProps;
}

/**
 * A stack for Lifeboat alone, protected from deletion by accident, whose outputs say what a person needs
 * next.
 */
export class LifeboatStack extends Stack {
  readonly lifeboat: Lifeboat;

  constructor(scope: Construct, id: string, props: LifeboatStackProps) {
    const { settings, ...stackProps } = props;
    super(scope, id, { terminationProtection: true, ...stackProps });
    // Logical ids leave out this name. Another one would change all logical ids and replace every resource,
    // the vault by an empty one.
    this.lifeboat = new Lifeboat(this, 'Default', settings);
    this.#addOutputs(this.lifeboat);
  }

  #addOutputs({ vault, api, units }: Lifeboat): void {
    addApiOutputs(this, api);
    addOutput(this, 'Bucket', 'The vault', vault.bucket.bucketName);
    addOutput(this, 'SigningKeyArn', 'Key that signs the configurations', vault.signingKey.keyArn);
    // In an app that has the package, and in a checkout; never a package of the registry called lifeboat.
    const publicKey = 'npx --no-install lifeboat public-key --key-id';
    addOutput(
      this,
      'PublicKeyCommand',
      'Prints the public key that data planes pin',
      `${publicKey} ${vault.signingKey.keyArn}`,
    );
    for (const [name, { keyArn }] of [...vault.signingKeys].slice(1)) {
      addOutput(
        this,
        `PublicKeyCommand${name}`,
        `Prints the public key of the signing key "${name}", which signs nothing now`,
        `${publicKey} ${keyArn}`,
      );
    }
    if (vault.encryptionKeyStatements.length > 0) {
      addOutput(
        this,
        'EncryptionKeyStatements',
        'Statements that the policy of your encryption key needs',
        this.toJsonString(vault.encryptionKeyStatements.map((statement) => statement.toStatementJson())),
      );
    }
    for (const [name, statements] of vault.signingKeyStatements) {
      addOutput(
        this,
        `SigningKeyStatements${name}`,
        `Statements that the policy of the signing key "${name}", which was there already, needs`,
        this.toJsonString(statements.map((statement) => statement.toStatementJson())),
      );
    }
    for (const unit of units.values()) {
      this.#addUnitOutputs(unit);
    }
  }

  #addUnitOutputs(watched: LifeboatUnit): void {
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
      this,
      makeOutputId('WebhookUrl', controlPlane),
      `URL for the event hooks of ${controlPlane} (config.url)`,
      webhookUrl,
    );
    addGrantOutputs(this, watched);
    if (commandArn !== undefined) {
      addOutput(
        this,
        makeOutputId('CommandArn', controlPlane),
        `Allow the roles of operators of ${controlPlane} execute-api:Invoke on this`,
        commandArn,
      );
    }
    addOutput(
      this,
      makeOutputId('InspectArn', controlPlane),
      `Allow people who may look at the revisions of ${controlPlane} execute-api:Invoke on this`,
      inspectArn,
    );
    addOutput(
      this,
      makeOutputId('RevisionGrantArn', controlPlane),
      `Allow people who may have the file of any revision of ${controlPlane} execute-api:Invoke on this`,
      revisionGrantArn,
    );
    if (readerRole !== undefined) {
      addOutput(
        this,
        makeOutputId('ReaderRoleArn', controlPlane),
        `Role that data planes of ${controlPlane} in other accounts assume to ask for grants`,
        readerRole.roleArn,
      );
    }
    addOutput(
      this,
      makeOutputId('HookSecretArn', controlPlane),
      `Secret that signs the event hooks of ${controlPlane} (config.secret)`,
      unit.hookSecret.secretArn,
    );
    addOutput(
      this,
      makeOutputId('ClusterCertificateArn', controlPlane),
      `Secret to fill with the cluster certificate of a data plane of ${controlPlane}`,
      unit.certificateSecret.secretArn,
    );
  }
}
