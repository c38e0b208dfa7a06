import type { Order } from '@order-events/domain';

/**
 * What a client waits for in a stream to read its own write: the change of the order, or, where the stream does not want it, a time of the
 * database by which it was committed.
 */
export interface WritePosition {
  readonly orderId: string;
  readonly version: number;
  readonly committedByMs: number;
}

/** Clocks are slewed, and so run faster than they should, by less than this. */
const SLEWED = 1.1;

/**
 * When a transaction was committed is not told to it, and asking would be a round trip more. But the clock of the database cannot have gone on
 * by more, since it was read, than the clock of this process since the transaction was begun, until the commit was answered.
 */
export function writePosition(
  { orderId, version }: Order,
  databaseTime: Date,
  beganAtMs: number,
): WritePosition {
  const elapsedMs = performance.now() - beganAtMs;
  // The time was cut to whole milliseconds.
  return { orderId, version, committedByMs: databaseTime.getTime() + 1 + Math.ceil(elapsedMs * SLEWED) };
}

/** As the header has it; clients take it for a text without a meaning. */
export function writePositionText({ orderId, version, committedByMs }: WritePosition): string {
  return `${committedByMs}.${version}.${orderId}`;
}
