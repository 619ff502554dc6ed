import { Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { LifeboatReplica, type LifeboatReplicaProps } from './lifeboat-replica.ts';

/** Properties of a stack for a replica alone. */
export interface LifeboatReplicaStackProps extends StackProps {
  /** Properties of `LifeboatReplica`. */
  readonly settings: LifeboatReplicaProps;
}

/** A stack of its own for a replica, in the second region. */
export class LifeboatReplicaStack extends Stack {
  readonly replica: LifeboatReplica;

  constructor(scope: Construct, id: string, props: LifeboatReplicaStackProps) {
    const { settings, ...stackProps } = props;
    super(scope, id, { terminationProtection: true, ...stackProps });
    // As in LifeboatStack.
    this.replica = new LifeboatReplica(this, 'Default', settings);
  }
}
