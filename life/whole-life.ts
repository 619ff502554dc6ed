/** The steps of a life, in their order. */
import type { Step } from './play.ts';
import { addControlPlane, addControlPlaneAgain, removeControlPlane } from './steps/control-planes.ts';
import { failAndTryAgain } from './steps/failed-try.ts';
import {
  bootstrap,
  deployFirst,
  fetchBothWays,
  findNoDrift,
  findNoFile,
  followChange,
  publishFirst,
} from './steps/first-days.ts';
import { adopt, destroy, type Remains } from './steps/last-days.ts';
import { leaveNothing } from './steps/leave-nothing.ts';
import { switchObjectLockOn } from './steps/object-lock.ts';
import { holdAndApprove, inspect, refuseStrangers, rollBackAndUnpin } from './steps/people.ts';
import { addReplica, fetchFromReplica } from './steps/second-region.ts';
import { makeSecondKey, signWithSecondKey } from './steps/signing-key.ts';

const step = (name: string, what: string, play: Step['play']): Step => ({ name, what, play });

/** Of an account that has never seen the CDK. */
export function bootstrapStep(regions: readonly string[]): Step {
  return step('bootstrap', `cdk bootstrap, ${regions.join(' and ')}`, (life) => bootstrap(life, regions));
}

/** From the first deployment to the first files, questions and commands. */
export const firstLife: readonly Step[] = [
  step('deploy', 'cdk diff, cdk deploy', deployFirst),
  step('diff', 'cdk diff finds nothing to change then', findNoDrift),
  step('noFile', 'a data plane is told that there is no file yet', findNoFile),
  step('publish', 'certificate, hook, the first export', publishFirst),
  step('fetch', 'lifeboat fetch over the API and by the function', fetchBothWays),
  step('change', 'a change comes by its event hook', followChange),
  step('inspect', 'status, history, show, diff, verify', inspect),
  step('rollback', 'rollback, unpin, export', rollBackAndUnpin),
];

/** What months bring. */
export function laterLife(): readonly Step[] {
  let remains: Remains | undefined;
  return [
    step('approve', 'a mass deletion is held, and approved', holdAndApprove),
    step('strangers', 'who has no right is told so', refuseStrangers),
    step('add', 'a second control plane', addControlPlane),
    step('remove', 'and without it', removeControlPlane),
    step('addAgain', 'and with it again', addControlPlaneAgain),
    step('newKey', 'a second signing key that signs nothing yet', makeSecondKey),
    step('rotate', 'it signs, and the first is retired', signWithSecondKey),
    step('replica', 'a second region', addReplica),
    step('secondRegion', 'grants and files from there', fetchFromReplica),
    step('destroy', 'the stack goes; bucket, policy and keys stay', async (life) => {
      remains = await destroy(life);
    }),
    step('adopt', 'a new deployment takes them over', async (life) => {
      if (remains === undefined) {
        throw new Error('nothing was destroyed before');
      }
      await adopt(life, remains);
    }),
  ];
}

/** What no emulator tells of AWS. */
export const onlyOnAws: readonly Step[] = [
  step('failedTry', 'a first deployment that fails leaves nothing, and is tried again', failAndTryAgain),
  step('objectLock', 'Object Lock, switched on in a vault that runs', switchObjectLockOn),
];

export const leaveNothingStep: Step = step(
  'cleanUp',
  'everything is removed; keys wait for it',
  leaveNothing,
);
