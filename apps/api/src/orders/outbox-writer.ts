import { executeTogether, type Transaction } from '@order-events/database';
import { keyHash } from '@order-events/messaging/key-hash';
import { encodeOrderEvent } from '@order-events/messaging/order-message';
import type { TraceCarrier, Tracing } from '@order-events/runtime';
import type { CompiledQuery } from 'kysely';
import { type EventSpans, startEventSpans } from './event-spans.ts';
import type { StoredOrderWrite } from './order-store.ts';

export interface OutboxWriter {
  /**
   * Appends the events of a stored write, in its transaction. Call it last: the sequence number must be drawn while the order's row
   * is locked, or the events of one order could be numbered against the order of their commits.
   */
  append(transaction: Transaction, write: StoredOrderWrite, about: AppendedWith): Promise<void>;
}

/** The trace context is that of the request. */
export interface AppendedWith extends TraceCarrier {
  /** Statements of the same transaction that are run just before, in the same round trip. */
  readonly before?: readonly CompiledQuery[] | undefined;
  /** The write is known to whoever needs to know: an import that was asked to tell nobody, and nothing else. */
  readonly untold?: boolean | undefined;
}

/** The only place that inserts into the outbox. With `tracing` each event carries the context of the span of its creation. */
export function createOutboxWriter(tracing?: Tracing): OutboxWriter {
  return {
    async append(transaction, { order, events }, { traceparent, tracestate, before = [], untold }) {
      if (untold) return;
      const request = { traceparent, tracestate };
      const spans: EventSpans | undefined = tracing && startEventSpans(tracing, events, request);
      const rows = events.map((event, index) => ({
        key: order.orderId,
        key_hash: keyHash(order.orderId),
        event_id: event.eventId,
        event_type: event.eventType,
        headers: JSON.stringify(spans?.carriers[index] ?? request),
        payload: encodeOrderEvent(event),
      }));
      const insert = transaction.insertInto('outbox').values(rows).compile();
      const appended = executeTogether(transaction, [...before, insert]);
      await (spans ? spans.until(appended) : appended);
    },
  };
}
