/** What an app that uses Lifeboat imports, and nothing else. */
export { Lifeboat, type LifeboatUnit } from './deployment/lifeboat.ts';
export type {
  LifeboatControlPlaneProps,
  LifeboatDomainProps,
  LifeboatNetworkProps,
  LifeboatProps,
} from './deployment/lifeboat-props.ts';
export { LifeboatStack, type LifeboatStackProps } from './deployment/lifeboat-stack.ts';
export { DataPlaneAuth } from './grants/data-plane-auth.ts';
export type { GrantUnit } from './grants/grant-giver.ts';
export { LifeboatReplica, type LifeboatReplicaProps } from './replica/lifeboat-replica.ts';
export { LifeboatReplicaStack, type LifeboatReplicaStackProps } from './replica/lifeboat-replica-stack.ts';
export { SettingsError } from './settings/settings.ts';
