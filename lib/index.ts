/** What an app that uses Lifeboat imports, and nothing else. */
export {
  Lifeboat,
  type LifeboatControlPlaneProps,
  type LifeboatDomainProps,
  type LifeboatNetworkProps,
  type LifeboatProps,
  type LifeboatUnit,
} from './deployment/lifeboat.ts';
export { LifeboatStack, type LifeboatStackProps } from './deployment/lifeboat-stack.ts';
export { DataPlaneAuth } from './grants/data-plane-auth.ts';
export { LifeboatReplica, type LifeboatReplicaProps, type ReplicaUnit } from './replica/lifeboat-replica.ts';
export { LifeboatReplicaStack, type LifeboatReplicaStackProps } from './replica/lifeboat-replica-stack.ts';
export { SettingsError } from './settings/settings.ts';
