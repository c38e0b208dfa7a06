import { nextStatuses, type OrderStatus } from './order-status.ts';

/** A rule of the domain said no. `code` is stable: API clients branch on it. The message is fit for a client to read. */
export abstract class DomainError extends Error {
  abstract readonly code: string;
}

/** The content of an order, or a change of it, breaks a rule. */
export class InvalidOrderError extends DomainError {
  override readonly name = 'InvalidOrderError';
  readonly code = 'invalid_order';
}

/** The status machine has no such step. */
export class InvalidStatusTransitionError extends DomainError {
  override readonly name = 'InvalidStatusTransitionError';
  readonly code = 'invalid_status_transition';

  constructor(from: OrderStatus, to: OrderStatus) {
    const allowed = nextStatuses(from);
    super(
      `an order cannot go from ${from} to ${to}; ` +
        (allowed.length > 0 ? `from ${from} it can go to ${allowed.join(' or ')}` : `${from} is final`),
    );
  }
}
