import type { EventPublisher, PublishOutcome } from '@order-events/domain';
import type { PartitionClaim } from '@order-events/messaging';
import type { Logger } from '@order-events/runtime';
import type { PendingEvent } from '../pending-event.ts';
import { publishableEvent } from './publishable-event.ts';

/** The part of the Kafka publisher that makes this relay the only writer of a partition. */
export interface PartitionClaims {
  claim(partition: number, fromOffset: bigint, signal: AbortSignal): Promise<PartitionClaim>;
}

/**
 * - `published`: the topic holds all of the events.
 * - `held`: it holds some or none of them, and the writer knows which; give it the same events again.
 * - `unclaimed`: it may hold any of them; claim the partition again first.
 */
export type DeliveryResult = 'published' | 'held' | 'unclaimed';

export interface PartitionWriter {
  /**
   * Offset to store beside the cursor: everything that the topic holds beyond the cursor lies at it or after it. It moves only
   * while nothing beyond the cursor is known to be published.
   */
  logOffset(): bigint;
  /** Fences older owners and learns what they published. Rejects when Kafka is away: try again. */
  claim(signal: AbortSignal): Promise<PartitionClaim>;
  /** Publishes events in order, leaving out those that the topic already holds. Never rejects. */
  deliver(events: readonly PendingEvent[], signal: AbortSignal): Promise<DeliveryResult>;
  /** The cursor covers everything that was published before the claim. */
  forgetLedger(): void;
}

export interface DeliveryObserver {
  published(event: PendingEvent): void;
  alreadyPublished(count: number): void;
  failed(reason: string): void;
}

/**
 * Publishes one partition exactly once. The topic is the ledger: after a claim the ids found in it from the stored offset on are
 * left out when their rows come along, and so are those of a page that was published only in part.
 */
export function createPartitionWriter(options: {
  partition: number;
  fromOffset: bigint;
  publisher: EventPublisher;
  claims: PartitionClaims;
  observer: DeliveryObserver;
  log: Logger;
}): PartitionWriter {
  const { partition, publisher, observer } = options;
  const log = options.log.child({ partition });
  const ledger = new Set<string>();
  let ledgerOffset = options.fromOffset;
  let endOffset = options.fromOffset;

  function record(events: readonly PendingEvent[], outcomes: readonly PublishOutcome[]): DeliveryResult {
    let result: DeliveryResult = 'published';
    events.forEach((event, index) => {
      const outcome = outcomes[index];
      if (outcome?.kind === 'published') {
        ledger.add(event.eventId);
        endOffset = outcome.offset + 1n;
        observer.published(event);
      } else if (outcome?.kind === 'held') {
        if (result === 'published') result = 'held';
      } else {
        const reason = outcome?.reason ?? 'no outcome';
        observer.failed(outcome?.kind ?? 'unknown');
        log.warn(
          { eventId: event.eventId, key: event.key, outcome: outcome?.kind, reason },
          'event not published',
        );
        if (result !== 'unclaimed') result = outcome?.kind === 'refused' ? 'held' : 'unclaimed';
      }
    });
    return result;
  }

  /** The cursor moves past these events: nobody will ask for them again. */
  function settle(events: readonly PendingEvent[]): void {
    for (const event of events) ledger.delete(event.eventId);
    if (ledger.size === 0) ledgerOffset = endOffset;
  }

  return {
    logOffset: () => ledgerOffset,

    async claim(signal) {
      const claim = await options.claims.claim(partition, ledgerOffset, signal);
      ledger.clear();
      for (const id of claim.publishedIds) ledger.add(id);
      endOffset = claim.endOffset;
      if (ledger.size === 0) ledgerOffset = endOffset;
      return claim;
    },

    async deliver(events, signal) {
      const missing = events.filter((event) => !ledger.has(event.eventId));
      observer.alreadyPublished(events.length - missing.length);
      try {
        const outcomes = missing.length ? await publisher.publish(missing.map(publishableEvent), signal) : [];
        const result = record(missing, outcomes);
        if (result === 'published') settle(events);
        return result;
      } catch (error) {
        observer.failed('error');
        log.warn({ err: error, events: missing.length }, 'could not publish');
        return 'unclaimed';
      }
    },

    forgetLedger() {
      ledger.clear();
      settle([]);
    },
  };
}
