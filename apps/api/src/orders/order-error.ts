import { ExpectedError } from '@order-events/runtime';

/** What a caller asked for cannot be done; `code` is stable and the message is fit for a client to read. */
export abstract class OrderError extends ExpectedError {
  abstract readonly code: string;
}

export class OrderNotFoundError extends OrderError {
  override readonly name = 'OrderNotFoundError';
  readonly code = 'order_not_found';

  constructor(orderId: string) {
    super(`there is no order ${orderId}`);
  }
}

/** The caller's change was made for the order in another state. */
export class VersionMismatchError extends OrderError {
  override readonly name = 'VersionMismatchError';
  readonly code = 'version_mismatch';

  constructor(actual: number) {
    super(
      `the order has version ${actual}, which the request does not allow: read it again and repeat the change if it still makes sense`,
    );
  }
}

/** The key came with another request before. */
export class IdempotencyKeyReusedError extends OrderError {
  override readonly name = 'IdempotencyKeyReusedError';
  readonly code = 'idempotency_key_reused';

  constructor() {
    super('the idempotency key was sent with another request before: use a new key for a new request');
  }
}

/** The first request with the key has no answer yet. */
export class IdempotencyKeyInUseError extends OrderError {
  override readonly name = 'IdempotencyKeyInUseError';
  readonly code = 'idempotency_key_in_use';

  constructor() {
    super('a request with this idempotency key is being worked on: repeat it when that one is done');
  }
}

/** More changes of one order are under way than are let wait for each other. */
export class OrderBusyError extends OrderError {
  override readonly name = 'OrderBusyError';
  readonly code = 'order_busy';

  constructor(orderId: string) {
    super(`too many changes of order ${orderId} are under way: repeat this one in a moment`);
  }
}

/** Another request brings one of the orders at this moment. */
export class ImportedAtOnceError extends OrderError {
  override readonly name = 'ImportedAtOnceError';
  readonly code = 'import_in_progress';

  constructor() {
    super(
      'another request imports one of these orders at this moment: repeat this one, it does what is left',
    );
  }
}

/** More is asked for than can be answered soon. */
export class OverloadedError extends OrderError {
  override readonly name = 'OverloadedError';
  readonly code = 'overloaded';

  constructor() {
    super('more is asked for at present than can be answered soon: repeat the request in a moment');
  }
}

/** What has changed is in the outbox for some days only, and compares within one run of the database. */
export class ChangesExpiredError extends OrderError {
  override readonly name = 'ChangesExpiredError';
  readonly code = 'changes_expired';

  constructor(options: ErrorOptions = {}) {
    super(
      'what has changed since this token cannot be told any more: begin again without changed_since, and go on with the changes_token of that list',
      options,
    );
  }
}
