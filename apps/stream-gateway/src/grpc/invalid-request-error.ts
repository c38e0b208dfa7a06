export interface FieldViolation {
  /** Path of the field, as in the contract: filter.statuses[1]. */
  readonly field: string;
  /** What is right. */
  readonly description: string;
}

/** Fields of a request are wrong; all of them are named. */
export class InvalidRequestError extends Error {
  override readonly name = 'InvalidRequestError';
  readonly violations: readonly FieldViolation[];

  constructor(violations: readonly FieldViolation[]) {
    super(violations.map(({ field, description }) => `${field}: ${description}`).join('; '));
    this.violations = violations;
  }
}
