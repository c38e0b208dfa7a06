import type { EventPublisher, PublishOutcome } from '@order-events/domain';
import { ledgerId, type LogMark, type PartitionClaim } from '@order-events/messaging';
import type { PendingEvent } from '@order-events/outbox/pending-event';
import { createSparingWarn, type Logger } from '@order-events/runtime';
import type { KeyParking } from './key-parking.ts';
import { createLostCommits } from './lost-commits.ts';
import { publishableEvent } from './publishable-event.ts';

/** The part of the Kafka publisher that makes this relay the only writer of a partition. */
export interface PartitionClaims {
  claim(partition: number, fromOffset: bigint, signal: AbortSignal, mark?: LogMark): Promise<PartitionClaim>;
}

/**
 * - `published`: the topic holds all of the events.
 * - `held`: it holds some or none of them, and the writer knows which; give it the same events again.
 * - `unclaimed`: it may hold any of them; claim the partition again first.
 * - `refused`: as `held`, and the topic will never take `event`.
 */
export type PublishResult =
  | { readonly kind: 'published' | 'held' | 'unclaimed' }
  | { readonly kind: 'refused'; readonly event: PendingEvent; readonly reason: string };

export interface PartitionWriter {
  /** Behind everything that was delivered; undefined while any of it is parked. */
  deliveredTo(): bigint | undefined;
  /**
   * Offset to store beside the cursor: everything that the topic holds beyond the cursor lies at it or after it. It moves only
   * while nothing beyond the cursor is known to be published.
   */
  logOffset(): bigint;
  /** The last event that the topic is known to hold; undefined before a claim. */
  mark(): LogMark | undefined;
  /** The topic holds nothing beyond the cursor: `logOffset` is behind all that the cursor covers. */
  isSettled(): boolean;
  /**
   * Fences older owners and learns what they published. Rejects when Kafka is away: try again. Of a log that is truncated, and has not
   * what `mark` names, nothing is known afterwards: nothing may be delivered.
   */
  claim(signal: AbortSignal, mark?: LogMark): Promise<PartitionClaim>;
  /** Events that are not to be published, though the cursor does not cover them. */
  leaveOut(eventIds: readonly string[]): void;
  /**
   * Publishes events in order, leaving out those that the topic already holds; a refused one is parked, and with it whatever comes
   * for its key. When it answers `published` the cursor may move past the events. Never rejects.
   */
  deliver(events: readonly PendingEvent[], signal: AbortSignal): Promise<'published' | 'held' | 'unclaimed'>;
  /**
   * As `deliver`, for events outside of the cursor's order: nothing is parked, and `settle` says when their fate is recorded.
   * `published` counts the first of them that the topic holds.
   */
  deliverApart(
    events: readonly PendingEvent[],
    signal: AbortSignal,
  ): Promise<PublishResult & { readonly published: number }>;
  /** The database knows that these events are dealt with: nobody will ask for them again. */
  settle(events: readonly PendingEvent[]): void;
  /** The cursor covers everything that was published before the claim. */
  forgetLedger(): void;
}

export interface DeliveryObserver {
  published(events: readonly PendingEvent[]): void;
  alreadyPublished(count: number): void;
  failed(reason: string): void;
}

export interface PartitionWriterOptions {
  readonly partition: number;
  readonly fromOffset: bigint;
  readonly publisher: EventPublisher;
  readonly claims: PartitionClaims;
  readonly parking: KeyParking;
  readonly observer: DeliveryObserver;
  /** Told once of what the topic holds and the outbox does not. */
  readonly onOnlyInTopic: (eventIds: readonly string[]) => void;
  readonly log: Logger;
}

/**
 * Publishes one partition exactly once. The topic is the ledger: after a claim the ids found in it from the stored offset on are
 * left out when their rows come along, and so are those of a page that was published only in part.
 */
export function createPartitionWriter(options: PartitionWriterOptions): PartitionWriter {
  const { partition, publisher, parking, observer } = options;
  const { log } = options;
  const warn = createSparingWarn(log);
  const ledger = new Set<string>();
  const lostCommits = createLostCommits(options.onOnlyInTopic);
  let ledgerOffset = options.fromOffset;
  let endOffset = options.fromOffset;
  /** A former owner may have parked events whose rows lie beyond the cursor that this one began with. */
  let cursorMayLag = true;
  let mark: LogMark | undefined;
  let leftOut: ReadonlySet<string> = new Set();

  const isMissing = (event: PendingEvent) => !ledger.has(idOf(event)) && !leftOut.has(idOf(event));

  function record(events: readonly PendingEvent[], outcomes: readonly PublishOutcome[]): PublishResult {
    const published: PendingEvent[] = [];
    let held = false;
    let unclaimed = false;
    let refused: PublishResult | undefined;
    events.forEach((event, index) => {
      const outcome = outcomes[index];
      if (outcome?.kind === 'published') {
        published.push(event);
        endOffset = outcome.offset + 1n;
        if (mark) mark = { topicId: mark.topicId, last: { offset: outcome.offset, eventId: event.eventId } };
      } else if (outcome?.kind === 'held') {
        held = true;
      } else {
        const reason = outcome?.reason ?? 'no outcome';
        observer.failed(outcome?.kind ?? 'unknown');
        const fields = { partition, eventId: event.eventId, key: event.key, outcome: outcome?.kind, reason };
        if (outcome?.kind === 'refused') {
          log.warn(fields, 'event not published');
          refused ??= { kind: 'refused', event, reason };
        } else {
          // Of a whole batch, and again with each claim.
          warn(fields, 'event not published');
          unclaimed = true;
        }
      }
    });
    observer.published(published);
    if (published.length === events.length) return { kind: 'published' };
    for (const event of published) ledger.add(idOf(event));
    if (unclaimed) return { kind: 'unclaimed' };
    return refused ?? { kind: held ? 'held' : 'published' };
  }

  /** Of events that were published in part only, the ledger tells which; all of them are left to the caller, who settles them. */
  async function sendMissing(events: readonly PendingEvent[], signal: AbortSignal): Promise<PublishResult> {
    const missing = ledger.size + leftOut.size > 0 ? events.filter(isMissing) : events;
    observer.alreadyPublished(events.length - missing.length);
    if (missing.length === 0) return { kind: 'published' };
    try {
      return record(missing, await publisher.publish(missing.map(publishableEvent), signal));
    } catch (error) {
      observer.failed('error');
      log.warn({ partition, reason: error, events: missing.length }, 'could not publish');
      return { kind: 'unclaimed' };
    }
  }

  /** Answers whether it worked; events that are parked count as dealt with. */
  async function park(work: () => Promise<readonly PendingEvent[]>): Promise<boolean> {
    try {
      for (const event of await work()) ledger.add(idOf(event));
      return true;
    } catch (error) {
      warn({ partition, reason: error }, 'could not park events, trying again');
      return false;
    }
  }

  function forget(events: readonly PendingEvent[]): void {
    if (ledger.size > 0) for (const event of events) ledger.delete(idOf(event));
    if (ledger.size === 0) ledgerOffset = behindLastEvent();
  }

  /**
   * Not behind what else the log has there, as the markers of claims: where they are lost with the end of the log, events of others may
   * come to lie instead.
   */
  function behindLastEvent(): bigint {
    return mark?.last ? mark.last.offset + 1n : ledgerOffset;
  }

  return {
    logOffset: () => ledgerOffset,
    mark: () => mark,
    isSettled: () => ledger.size === 0,
    deliveredTo: () => (parking.isEmpty() ? endOffset : undefined),

    async claim(signal, knownMark) {
      const claim = await options.claims.claim(partition, ledgerOffset, signal, knownMark);
      if (claim.truncated) return claim;
      cursorMayLag = true;
      ledger.clear();
      for (const id of claim.publishedIds) ledger.add(id);
      lostCommits.found(claim.publishedIds);
      endOffset = claim.endOffset;
      mark = claim.mark;
      if (ledger.size === 0) ledgerOffset = behindLastEvent();
      return claim;
    },

    leaveOut(eventIds) {
      leftOut = new Set(cursorMayLag ? eventIds : []);
    },

    async deliver(events, signal) {
      for (;;) {
        const followers = parking.isEmpty()
          ? []
          : events.filter((event) => parking.holds(event.key) && isMissing(event));
        if (followers.length > 0 && !(await park(() => parking.parkBehind(followers)))) return 'held';
        const result = await sendMissing(events, signal);
        if (result.kind === 'published') forget(events);
        if (result.kind !== 'refused') return result.kind;
        const { event, reason } = result;
        const parked = await park(async () => {
          await parking.park(event, reason);
          return [event];
        });
        // Never past an event that is neither published nor parked.
        if (!parked) return 'held';
      }
    },

    async deliverApart(events, signal) {
      const result = await sendMissing(events, signal);
      if (result.kind === 'published') for (const event of events) ledger.add(idOf(event));
      const missing = events.findIndex(isMissing);
      return { ...result, published: missing < 0 ? events.length : missing };
    },

    settle(events) {
      // What was parked and is published now comes again with its row, unless the cursor is past it. Nobody comes to a replay again.
      forget(cursorMayLag ? events.filter((event) => event.replayId !== undefined) : events);
    },

    forgetLedger() {
      lostCommits.covered(ledger);
      cursorMayLag = false;
      leftOut = new Set();
      ledger.clear();
      ledgerOffset = behindLastEvent();
    },
  };
}

function idOf(event: PendingEvent): string {
  return ledgerId(event.eventId, event.replayId);
}
