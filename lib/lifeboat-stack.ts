import { CfnOutput, Stack, type StackProps, Tags } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { Api } from './api.ts';
import { Export } from './export.ts';
import { FunctionRole } from './function.ts';
import { Intake } from './intake.ts';
import { Presign } from './presign.ts';
import type { Settings } from './settings.ts';
import { Vault } from './vault.ts';

export interface LifeboatStackProps extends StackProps {
  /** Checked settings, see `parseSettings`. */
  readonly settings: Settings;
}

/** The whole of a deployment: one vault and one API, and a unit for each control plane that touches no other. */
export class LifeboatStack extends Stack {
  constructor(scope: Construct, id: string, { settings, ...props }: LifeboatStackProps) {
    super(scope, id, { terminationProtection: true, ...props });
    Tags.of(this).add('application', 'lifeboat');

    const controlPlanes = Object.entries(settings.controlPlanes);
    const tenants = controlPlanes.map(([controlPlane]) => ({
      controlPlane,
      exportRole: new FunctionRole(this, `ExportRole-${controlPlane}`),
      presignRole: new FunctionRole(this, `PresignRole-${controlPlane}`),
    }));
    const vault = new Vault(this, 'Vault', { tenants, ...settings });
    const api = new Api(this, 'Api', settings);
    const exports = new Map<string, Export>();
    for (const { controlPlane, exportRole, presignRole } of tenants) {
      const unit = settings.controlPlanes[controlPlane];
      if (unit === undefined) {
        throw new Error(`control plane ${controlPlane} has no settings`);
      }
      const common = { controlPlane, settings: unit, deployment: settings, vault };
      exports.set(controlPlane, new Export(this, `Export-${controlPlane}`, { ...common, role: exportRole }));
      new Presign(this, `Presign-${controlPlane}`, { ...common, api, role: presignRole });
    }
    new Intake(this, 'Intake', { deployment: settings, api, exports });
    this.#outputs(vault, api, exports);
  }

  /** What a person needs next. */
  #outputs(vault: Vault, api: Api, exports: ReadonlyMap<string, Export>): void {
    const output = (id: string, description: string, value: string) => {
      new CfnOutput(this, id, { description, value });
    };
    output('ApiUrl', 'Base URL for data planes (--endpoint)', api.url);
    output('Bucket', 'The vault', vault.bucket.bucketName);
    output('SigningKeyArn', 'Key that signs the configurations', vault.signingKey.keyArn);
    output(
      'PublicKeyCommand',
      'Prints what data planes pin',
      `npm run --silent lifeboat -- public-key --key-id ${vault.signingKey.keyArn}`,
    );
    for (const [controlPlane, { hookSecret, certificateSecret }] of exports) {
      // CloudFormation takes letters and digits only, and no name has a capital letter: no two names become one.
      const suffix = controlPlane.replaceAll('-', 'X');
      output(
        `WebhookUrl${suffix}`,
        `Where event hooks of ${controlPlane} go (config.url)`,
        `${api.url}/control-planes/${controlPlane}/events`,
      );
      output(
        `GrantUrl${suffix}`,
        `Where data planes of ${controlPlane} get their URL`,
        `${api.url}/control-planes/${controlPlane}/fallback-config`,
      );
      output(
        `GrantArn${suffix}`,
        `What a data plane’s role of ${controlPlane} needs execute-api:Invoke on`,
        api.grantArn(controlPlane),
      );
      output(
        `HookSecretArn${suffix}`,
        `Signs the event hooks of ${controlPlane} (config.secret)`,
        hookSecret.secretArn,
      );
      output(
        `ClusterCertificateArn${suffix}`,
        `Secret to fill with a data plane’s cluster certificate of ${controlPlane}`,
        certificateSecret.secretArn,
      );
    }
  }
}
