import { CodedError } from '../coded-error.ts';

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

/** The queue did not take messages back. */
export class QueueError extends CodedError<'unavailable'> {
  override readonly name = 'QueueError';
}

/** The queue that a control plane's export commands come from. */
export interface ExportQueue {
  /**
   * Has messages given out again, each after its delay.
   *
   * @throws QueueError; they come back when their visibility timeout is over
   */
  putBack(messages: readonly DelayedMessage[], signal?: AbortSignal): Promise<void>;
}
