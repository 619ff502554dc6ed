/** What can go wrong with one call of a port. */
export const faultKinds = [
  /** It fails, and nothing was done. */
  'fails before',
  /** It was done, and its answer says that it failed. */
  'fails after',
  /** It was done, the answer was lost, and the SDK sent it again: the second answer comes. */
  'sent again',
  /** It is refused because there are too many calls. */
  'throttled',
  /** Its answer comes after most deadlines. */
  'late',
  /** Its answer never comes. */
  'never answers',
  /** It is done twice, and the first answer comes. */
  'done twice',
  /** The process that calls dies before it is done. */
  'caller dies before',
  /** The process that calls dies after it was done. */
  'caller dies after',
] as const;

export type FaultKind = (typeof faultKinds)[number];

/** Every call that the shipped code makes, by the service that answers it. */
export const calls = [
  's3.HeadObject',
  's3.GetBucketVersioning',
  's3.ListObjectVersions',
  's3.PutObject of a file',
  's3.GetObject of a file',
  's3.GetObject of a status',
  's3.PutObject of a status',
  'signer.verificationKey',
  'signer.sign',
  'secretsManager.GetSecretValue',
  'sqs.SendMessage',
  'sqs.ChangeMessageVisibilityBatch',
  'sqs.DeleteMessageBatch',
  'controlPlane.connect',
  'controlPlane.frame',
  'api.grant',
  'vault.download',
  'vault.status',
  'disk.open',
  'disk.write',
  'disk.complete',
  'kong.status',
  'kong.connection',
  'kong.cache',
  'kong.requireSeedable',
  'kong.content',
  'kong.line',
  'kong.processes',
  'kong.licence',
  'kong.removeLeftover',
] as const;

export type CallName = (typeof calls)[number];

export interface ArmedFault {
  readonly call: CallName;
  readonly kind: FaultKind;
}

/** The faults that are to come: each hits the next call of its name, or all of them until it is mended. */
export class Faults {
  #armed: ArmedFault[] = [];
  readonly #lasting = new Map<CallName, FaultKind>();
  /** Cells of the table call × fault that were reached, as `call: kind`. */
  readonly reached = new Set<string>();

  arm(fault: ArmedFault): void {
    this.#armed.push(fault);
  }

  /** All calls of its name fail from now on. */
  begin({ call, kind }: ArmedFault): void {
    this.#lasting.set(call, kind);
  }

  end(call: CallName): void {
    this.#lasting.delete(call);
  }

  disarm(): void {
    this.#armed = [];
    this.#lasting.clear();
  }

  /** The fault that hits this call. One that was armed is spent with it. */
  take(call: CallName): FaultKind | undefined {
    const at = this.#armed.findIndex((fault) => fault.call === call);
    const kind = at < 0 ? this.#lasting.get(call) : this.#armed.splice(at, 1)[0]?.kind;
    if (kind !== undefined) {
      this.reached.add(cellName({ call, kind }));
    }
    return kind;
  }
}

export function cellName({ call, kind }: ArmedFault): string {
  return `${call}: ${kind}`;
}

/** All cells of the table. */
export function listCells(): readonly ArmedFault[] {
  return calls.flatMap((call) => faultKinds.map((kind) => ({ call, kind })));
}
