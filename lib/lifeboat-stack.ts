import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { Api } from './api.ts';
import { Lifeboat, type LifeboatProps, type LifeboatUnit } from './lifeboat.ts';

export interface LifeboatStackProps extends StackProps {
  /** What `Lifeboat` is told. */
  readonly settings: LifeboatProps;
}

/** A stack of its own for Lifeboat, which cannot be deleted by accident and says what a person needs next. */
export class LifeboatStack extends Stack {
  readonly lifeboat: Lifeboat;

  constructor(scope: Construct, id: string, { settings, ...props }: LifeboatStackProps) {
    super(scope, id, { terminationProtection: true, ...props });
    // The one name that logical ids leave out: with another one each resource would be replaced, the vault by an empty one.
    this.lifeboat = new Lifeboat(this, 'Default', settings);
    this.#outputs(this.lifeboat);
  }

  #outputs({ vault, api, units }: Lifeboat): void {
    this.#output('ApiUrl', 'Base URL for data planes (--endpoint)', api.url);
    this.#domainOutputs(api);
    this.#output('Bucket', 'The vault', vault.bucket.bucketName);
    this.#output('SigningKeyArn', 'Key that signs the configurations', vault.signingKey.keyArn);
    const publicKey = 'npm run --silent lifeboat -- public-key --key-id';
    this.#output(
      'PublicKeyCommand',
      'Prints what data planes pin',
      `${publicKey} ${vault.signingKey.keyArn}`,
    );
    for (const [name, { keyArn }] of [...vault.signingKeys].slice(1)) {
      this.#output(
        `PublicKeyCommand${name}`,
        `Prints what data planes pin of the signing key "${name}", which signs nothing now`,
        `${publicKey} ${keyArn}`,
      );
    }
    if (vault.encryptionKeyStatements.length > 0) {
      this.#output(
        'EncryptionKeyStatements',
        'What the policy of your encryption key needs',
        this.toJsonString(vault.encryptionKeyStatements.map((statement) => statement.toStatementJson())),
      );
    }
    for (const unit of units.values()) {
      this.#outputsOf(unit);
    }
  }

  #domainOutputs({ domain, defaultUrl }: Api): void {
    if (domain !== undefined && defaultUrl !== undefined) {
      this.#output('DefaultApiUrl', 'Base URL that needs neither certificate nor DNS of yours', defaultUrl);
    }
    if (domain?.target !== undefined) {
      this.#output('DomainTarget', 'What your domain has to lead to (CNAME)', domain.target);
    }
  }

  #outputsOf(watched: LifeboatUnit): void {
    const { controlPlane, export: unit, presign, webhookUrl, grantUrl, grantArn, readerRole } = watched;
    // CloudFormation takes letters and digits only, and no name has a capital letter: no two names become one.
    const suffix = controlPlane.replaceAll('-', 'X');
    this.#output(`WebhookUrl${suffix}`, `Where event hooks of ${controlPlane} go (config.url)`, webhookUrl);
    this.#output(`GrantUrl${suffix}`, `Where data planes of ${controlPlane} get their URL`, grantUrl);
    if (watched.dataPlaneAuth.iam) {
      this.#output(
        `GrantArn${suffix}`,
        `What a data plane’s role of ${controlPlane} needs execute-api:Invoke on`,
        grantArn,
      );
      this.#output(
        `GrantFunctionArn${suffix}`,
        `What data planes of ${controlPlane} in private networks invoke (--endpoint), and need lambda:InvokeFunction on`,
        presign.presigner.function.functionArn,
      );
    }
    if (readerRole !== undefined) {
      this.#output(
        `ReaderRoleArn${suffix}`,
        `What data planes of ${controlPlane} in other accounts assume to ask for grants`,
        readerRole.roleArn,
      );
    }
    this.#output(
      `HookSecretArn${suffix}`,
      `Signs the event hooks of ${controlPlane} (config.secret)`,
      unit.hookSecret.secretArn,
    );
    this.#output(
      `ClusterCertificateArn${suffix}`,
      `Secret to fill with a data plane’s cluster certificate of ${controlPlane}`,
      unit.certificateSecret.secretArn,
    );
  }

  #output(id: string, description: string, value: string): void {
    new CfnOutput(this, id, { description, value });
  }
}
