import { executeTogether, type Transaction } from '@order-events/database';
import { keyHash } from '@order-events/messaging/key-hash';
import { encodeOrderEvent } from '@order-events/messaging/order-message';
import type { CompiledQuery } from 'kysely';
import type { StoredOrderWrite } from './order-store.ts';

export interface OutboxWriter {
  /**
   * Appends the events of a stored write, in its transaction. Call it last: the sequence number must be drawn while the order's row
   * is locked, or the events of one order could be numbered against the order of their commits.
   */
  append(transaction: Transaction, write: StoredOrderWrite, about: AppendedWith): Promise<void>;
}

export interface AppendedWith {
  readonly traceparent: string;
  readonly tracestate?: string | undefined;
  /** Statements of the same transaction that are run just before, in the same round trip. */
  readonly before?: readonly CompiledQuery[] | undefined;
}

/** The only place that inserts into the outbox. */
export function createOutboxWriter(): OutboxWriter {
  return {
    async append(transaction, { order, events }, { traceparent, tracestate, before = [] }) {
      const rows = events.map((event) => ({
        key: order.orderId,
        key_hash: keyHash(order.orderId),
        event_id: event.eventId,
        event_type: event.eventType,
        headers: JSON.stringify({ traceparent, tracestate }),
        payload: encodeOrderEvent(event),
      }));
      const insert = transaction.insertInto('outbox').values(rows).compile();
      await executeTogether(transaction, [...before, insert]);
    },
  };
}
