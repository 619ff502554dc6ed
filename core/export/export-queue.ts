/** A message as the queue gave it. */
export interface QueuedMessage {
  readonly id: string;
  /** Names this one delivery to the queue. */
  readonly receipt: string;
  readonly body: string;
  /** How often it was given out, this time included. */
  readonly receiveCount: number;
}

export interface DelayedMessage {
  readonly message: QueuedMessage;
  readonly afterSeconds: number;
}

/** The queue that a control plane's export commands come from. */
export interface ExportQueue {
  /** Has messages given out again, each after its delay. */
  putBack(messages: readonly DelayedMessage[]): Promise<void>;
}
