/** On whose behalf something is asked for. */
export interface Caller {
  /** To whom idempotency keys belong; undefined where access control is off. */
  readonly subject: string | undefined;
  /** The only customer whose orders there are for this caller; undefined when there are those of all. */
  readonly customerId: string | undefined;
}

/** Whoever it is, where access control is off. */
export const ANYBODY: Caller = { subject: undefined, customerId: undefined };
