/** What an app that uses Lifeboat imports, and nothing else. */
export type { CommandName } from '../core/export/operator-command.ts';
export type { Api, RouteMetricName } from './api/api.ts';
export type { Domain } from './api/domain.ts';
export type { LifeboatControlPlaneProps, LifeboatNetworkProps } from './deployment/control-plane-props.ts';
export { Lifeboat } from './deployment/lifeboat.ts';
export type { LifeboatDomainProps, LifeboatProps } from './deployment/lifeboat-props.ts';
export { LifeboatStack, type LifeboatStackProps } from './deployment/lifeboat-stack.ts';
export type { LifeboatUnit } from './deployment/lifeboat-unit.ts';
export type { Export, ReadableSecret } from './export/export.ts';
export type { Listener } from './export/listener.ts';
export type { LifeboatFunction } from './functions/function.ts';
export {
  type ClusterAuthorities,
  type ClusterCertificates,
  DataPlaneAuth,
  type TrustedCertificates,
} from './grants/data-plane-auth.ts';
export type { GrantGiver, GrantUnit } from './grants/grant-giver.ts';
export type { Presign } from './grants/presign.ts';
export type { Inspection } from './inspection/inspection.ts';
export type { WatchedUnit } from './operations/watched-unit.ts';
export { LifeboatReplica, type LifeboatReplicaProps } from './replica/lifeboat-replica.ts';
export { LifeboatReplicaStack, type LifeboatReplicaStackProps } from './replica/lifeboat-replica-stack.ts';
export type { ReplicaStore } from './replica/replica-store.ts';
export type { RetentionDays } from './settings/retention-days.ts';
export { SettingsError } from './settings/settings.ts';
export type { FileStore } from './vault/file-store.ts';
export type { Vault } from './vault/vault.ts';
