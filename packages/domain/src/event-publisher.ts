/** One event as the topic carries it. */
export interface PublishableEvent {
  readonly eventId: string;
  /** Record key: the order id. */
  readonly key: string;
  readonly partition: number;
  /** Record value: JSON text. */
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * What became of one event.
 * - `published`: in the topic, at `offset`.
 * - `refused`: not in the topic, and sending the same again will never help (too large, invalid).
 * - `held`: certainly not in the topic; publish it again when you like.
 * - `unknown`: perhaps in the topic. The partition must be claimed again, which tells, before anything else is published to it.
 */
export type PublishOutcome =
  | { readonly kind: 'published'; readonly offset: bigint }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'held' }
  | { readonly kind: 'unknown'; readonly reason: string };

/** Port through which events leave the system. */
export interface EventPublisher {
  /**
   * Publishes events in the given order per partition and answers with one outcome per event, in the order of `events`.
   * Once an event is not published, the later ones of its partition are not either: they are `held`.
   * At most one call per partition at a time. Rejects only when it was used wrongly.
   */
  publish(events: readonly PublishableEvent[], signal?: AbortSignal): Promise<readonly PublishOutcome[]>;
}
