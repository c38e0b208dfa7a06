/**
 * An error that somebody else made and is told about: a refused token, a request with a fault. Nobody reads where in this program it was
 * found, and to find out costs more than the rest of such an answer; so its stack is its first line.
 */
export abstract class ExpectedError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    super(message, options);
    Error.stackTraceLimit = limit;
  }
}
