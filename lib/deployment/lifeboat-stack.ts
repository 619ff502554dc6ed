import { Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { Lifeboat } from './lifeboat.ts';
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
  }
}
