/** What the header `Write-Position` of a change says. */
export interface WritePosition {
  readonly orderId: string;
  readonly version: bigint;
  /** A time of the database by which the change was committed. */
  readonly committedByMs: number;
}

/** Throws a TypeError for a text that no change was answered with. */
export function parseWritePosition(text: string): WritePosition {
  const match = /^(\d{1,15})\.(\d{1,18})\.([0-9a-f-]{36})$/.exec(text);
  const [, committedByMs = '', version = '', orderId = ''] = match ?? [];
  if (!match) throw new TypeError(`not a position: ${text}; give what the answer has in Write-Position`);
  return { orderId, version: BigInt(version), committedByMs: Number(committedByMs) };
}
