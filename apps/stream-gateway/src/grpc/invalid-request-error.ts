export interface FieldViolation {
  /** Path of the field, as in the contract: filter.statuses[1]. */
  readonly field: string;
  /** What is right. */
  readonly description: string;
}

/** Fields of a request are wrong. Of many the first ones are named, the others counted. */
export class InvalidRequestError extends Error {
  override readonly name = 'InvalidRequestError';
  readonly violations: readonly FieldViolation[];
  /** Wrong fields, those that are not named as well. */
  readonly total: number;

  constructor(violations: readonly FieldViolation[], total = violations.length) {
    super(`${total} wrong fields, the first one: ${violations[0]?.field}`);
    this.violations = violations;
    this.total = total;
  }
}
