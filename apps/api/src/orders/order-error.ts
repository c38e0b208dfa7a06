/** What a caller asked for cannot be done; `code` is stable and the message is fit for a client to read. */
export abstract class OrderError extends Error {
  abstract readonly code: string;
}

export class OrderNotFoundError extends OrderError {
  override readonly name = 'OrderNotFoundError';
  readonly code = 'order_not_found';

  constructor(orderId: string) {
    super(`there is no order ${orderId}`);
  }
}

/** The caller's change was made for another version than the order has. */
export class VersionMismatchError extends OrderError {
  override readonly name = 'VersionMismatchError';
  readonly code = 'version_mismatch';

  constructor(expected: number, actual: number) {
    super(
      `the order has version ${actual}, not ${expected}: read it again and repeat the change if it still makes sense`,
    );
  }
}
