/** What was asked for cannot be done as things stand, and nothing was changed; the message says what to do. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
}
