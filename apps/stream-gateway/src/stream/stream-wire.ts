import type { StreamError } from './stream-error.ts';

/** The way of one stream to its client, as it is seen from outside of the loop that feeds it. */
export interface StreamWire {
  /** How many messages the connection has taken over; those beyond are dropped when the stream is ended here. */
  handedOver(): number;
  /** Since when a message has been waiting for the client to make room, on the monotonic clock; undefined when none is. */
  writingSinceMs(): number | undefined;
  /**
   * Ends the stream, also while its loop waits for the client: the client gets the error after what was handed over. One that takes
   * nothing even then is cut off after a moment. Only the first call counts.
   */
  end(error: StreamError): void;
}
