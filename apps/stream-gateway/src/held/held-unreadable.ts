/** What lies in the topic of held events, may be of the subscription, and cannot be read. */
export interface UnreadableHeld {
  readonly partition: number;
  /** In the topic of held events. */
  readonly offset: bigint;
  /** Undefined for a whole batch: nobody knows what is in it. */
  readonly key: string | undefined;
  /** Undefined for a batch, and for what an operator has asked. */
  readonly eventId: string | undefined;
  readonly reason: string;
}

/** Why a record of the topic of held events cannot be read. Its message says nothing of what is in it. */
export class InvalidHeldRecordError extends Error {
  override readonly name = 'InvalidHeldRecordError';
}

/** Nobody knows of which order it is, so the whole partition waits; for what an operator has asked nothing waits. */
export function isWaitedFor({ key, eventId }: Pick<UnreadableHeld, 'key' | 'eventId'>): boolean {
  return key === undefined || eventId !== undefined;
}
