import { type ArmedFault, type CallName, cellName, type FaultKind } from '../faults.ts';

/** A cell of the table that is played for real, too. */
export interface Cell {
  readonly name: string;
  readonly fault: ArmedFault;
  /** What must fail as well, so that the call is made at all. */
  readonly precondition: ArmedFault | undefined;
}

/** What can happen to a call of an SDK's client. */
const ofClients: readonly FaultKind[] = [
  'fails before',
  'fails after',
  'sent again',
  'throttled',
  'late',
  'never answers',
  'done twice',
];

/** The same without what the SDK's retries make of it: a data plane has none. */
const ofDataPlanes: readonly FaultKind[] = ofClients.filter((kind) => kind !== 'sent again');

/** Lambda's own poller calls, whose time limits are not documented. */
const ofPollers: readonly FaultKind[] = ofClients.filter(
  (kind) => kind !== 'late' && kind !== 'never answers',
);

const playedCalls: Readonly<Partial<Record<CallName, readonly FaultKind[]>>> = {
  's3.HeadObject': ofClients,
  's3.GetBucketVersioning': ofClients,
  's3.PutObject of a file': ofClients,
  's3.GetObject of a file': ofClients,
  's3.GetObject of a status': ofClients,
  's3.PutObject of a status': ofClients,
  'signer.verificationKey': ofClients,
  'signer.sign': ofClients,
  'secretsManager.GetSecretValue': ofClients,
  'sqs.SendMessage': ofClients,
  'sqs.ChangeMessageVisibilityBatch': ofClients,
  'sqs.DeleteMessageBatch': ofPollers,
  // A control plane throttles nobody, and what it sends is neither sent again nor done twice.
  'controlPlane.connect': ['fails before', 'fails after', 'late', 'never answers'],
  'controlPlane.frame': ['fails before', 'late', 'never answers'],
  'api.grant': ofDataPlanes,
  'vault.download': ofDataPlanes,
  'vault.status': ofDataPlanes,
};

/** Messages are put back only after an export that is not complete. */
const preconditions: Readonly<Partial<Record<CallName, ArmedFault>>> = {
  'sqs.ChangeMessageVisibilityBatch': { call: 's3.PutObject of a status', kind: 'fails before' },
};

/**
 * All cells that exist over HTTP: calls that leave the machine, and faults that are not the end of the
 * caller.
 */
export function listPlayedCells(): readonly Cell[] {
  return Object.entries(playedCalls).flatMap(([call, kinds]) =>
    kinds.map((kind): Cell => {
      const fault = { call: call as CallName, kind };
      return { name: cellName(fault), fault, precondition: preconditions[fault.call] };
    }),
  );
}

/** Whether it is a data plane that makes the call. */
export function isOfDataPlane({ fault: { call } }: Cell): boolean {
  return call === 'api.grant' || call.startsWith('vault.');
}
