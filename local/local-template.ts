import * as iam from 'aws-cdk-lib/aws-iam';
import { pemCertificates } from '../core/access/certificate-with-key.ts';
import type { ClusterCertificate } from '../core/kong/cluster-connection.ts';
import { DataPlaneAuth } from '../lib/grants/data-plane-auth.ts';
import { parseSettings } from '../lib/settings/settings.ts';
import type { ControlPlane } from '../simulators/kong/control-plane/control-plane.ts';
import { synthesizedTemplate } from '../template/synthesized-stack.ts';
import type { SynthesizedTemplate } from '../template/template.ts';

/** The control plane that a local system keeps the configurations of. */
export interface LocalControlPlane {
  readonly name: string;
  /** `host:port` */
  readonly clusterEndpoint: string;
  readonly mtls: 'shared' | 'pki';
  readonly serverName?: string | undefined;
  readonly certificate: ClusterCertificate;
  readonly customPlugins: readonly string[];
  readonly wasmFilters?: readonly string[] | undefined;
}

/** A simulated control plane in shared mode, by a name. */
export function describeSimulated(
  {
    clusterEndpoint,
    serverName,
    certificates,
  }: Pick<ControlPlane, 'clusterEndpoint' | 'serverName' | 'certificates'>,
  name: string,
): LocalControlPlane {
  return {
    name,
    clusterEndpoint,
    mtls: 'shared',
    serverName,
    certificate: certificates,
    customPlugins: [],
  };
}

export interface LocalTemplateOptions {
  readonly controlPlane: LocalControlPlane;
  readonly dataPlaneVersions: readonly string[];
  /** Whether the control plane is listened to. @default false */
  readonly listen?: boolean | undefined;
  /** The control plane's setting `guard`. @default its default */
  readonly guard?: 'off' | undefined;
  /** Further settings of the deployment, as in cdk.json. @default none */
  readonly settings?: Readonly<Record<string, unknown>>;
}

/** Logical ids of the data plane's role begin with it. */
export const dataPlaneRoleId = 'DataPlane';
/** Logical ids of the operator's role begin with it. */
export const operatorRoleId = 'Operator';
/** Logical ids of the role of somebody who may look begin with it. */
export const inspectorRoleId = 'Inspector';
/** Logical ids of the role of somebody who may have any revision begin with it. */
export const revisionFetcherRoleId = 'RevisionFetcher';

/** What `cdk deploy` would deploy for this control plane, with the roles of a data plane and of people. */
export function localTemplate({
  controlPlane,
  dataPlaneVersions,
  listen = false,
  guard,
  settings = {},
}: LocalTemplateOptions): SynthesizedTemplate {
  const { name, clusterEndpoint, mtls, serverName, customPlugins, certificate } = controlPlane;
  const { wasmFilters = [] } = controlPlane;
  const parsed = parseSettings({
    ...settings,
    controlPlanes: {
      [name]: {
        clusterEndpoint,
        clusterMtls: mtls,
        ...(serverName === undefined ? {} : { clusterServerName: serverName }),
        dataPlaneVersions,
        customPlugins,
        wasmFilters,
        listen,
        ...(guard === undefined ? {} : { guard }),
      },
    },
    dataPlaneAuth: DataPlaneAuth.anyOf(DataPlaneAuth.iam(), trustInCluster(certificate)),
  });
  return synthesizedTemplate(parsed, (stack) => {
    const role = new iam.Role(stack, dataPlaneRoleId, {
      assumedBy: new iam.ServicePrincipal('ec2.amazonaws.com'),
    });
    stack.lifeboat.grantBootstrap(role, name);
    stack.lifeboat.grantInvoke(role, name);
    const operator = new iam.Role(stack, operatorRoleId, { assumedBy: new iam.AccountRootPrincipal() });
    stack.lifeboat.grantOperate(operator, name);
    const inspector = new iam.Role(stack, inspectorRoleId, { assumedBy: new iam.AccountRootPrincipal() });
    stack.lifeboat.grantInspect(inspector, name);
    const fetcher = new iam.Role(stack, revisionFetcherRoleId, {
      assumedBy: new iam.AccountRootPrincipal(),
    });
    stack.lifeboat.grantFetchRevision(fetcher, name);
  });
}

/** In shared mode the certificate is the data planes' own; in PKI mode its authority issues theirs. */
function trustInCluster({ certificate, ca }: ClusterCertificate): DataPlaneAuth {
  return DataPlaneAuth.clusterCertificate(
    ca === undefined
      ? { certificates: pemCertificates(certificate).slice(0, 1) }
      : { authorities: pemCertificates(ca) },
  );
}
