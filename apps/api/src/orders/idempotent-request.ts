/** A request that its client may repeat when it got no answer. */
export interface IdempotentRequest {
  readonly key: string;
  /** Differs when anything else is asked for. */
  readonly fingerprint: string;
  /** The one that the version before gives it, whose keys live on for a day: who asks again may have been answered by that one. */
  readonly formerFingerprint?: string;
}
