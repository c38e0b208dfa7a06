/** A request that its client may repeat when it got no answer. */
export interface IdempotentRequest {
  readonly key: string;
  /** Differs when anything else is asked for. */
  readonly fingerprint: string;
}
