/**
 * Event ids of the load: their number, and when they were produced, in µs of the machine's monotonic clock. So whoever receives an
 * event knows its age without a table that processes would have to share.
 */
const STAMP_AT = 24;
const STAMP_DIGITS = 12;

export function stampedEventId(number: number, producedAtMs: number): string {
  const stamp = Math.floor(producedAtMs * 1000)
    .toString(16)
    .padStart(STAMP_DIGITS, '0');
  return `${number.toString(16).padStart(8, '0')}-0000-7000-8000-${stamp}`;
}

/** When the event was produced whose id begins at `at`. */
export function producedAtMs(bytes: Uint8Array, at: number): number {
  let micros = 0;
  for (let index = at + STAMP_AT; index < at + STAMP_AT + STAMP_DIGITS; index += 1) {
    const code = bytes[index] ?? 0;
    micros = micros * 16 + (code <= 0x39 ? code - 0x30 : code - 0x57);
  }
  return micros / 1000;
}
