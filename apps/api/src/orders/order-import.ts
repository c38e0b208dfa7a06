import { randomUUIDv7 } from 'node:crypto';
import { type Database, inTransaction } from '@order-events/database';
import { type ImportedOrder, importOrder, isImportOf, type OrderEvent } from '@order-events/domain';
import type { TraceCarrier } from '@order-events/runtime';
import { ANYBODY } from './caller.ts';
import { ImportedAtOnceError } from './order-error.ts';
import type { OrderStore } from './order-store.ts';
import type { OutboxWriter } from './outbox-writer.ts';

export interface OrderImport {
  readonly orders: readonly ImportedOrder[];
  /** Whether consumers are told of the orders: each has its `order.created`, as it is now. */
  readonly events: boolean;
  readonly traces: TraceCarrier;
}

/** Ids of orders, by what became of them. */
export interface ImportOutcome {
  readonly imported: readonly string[];
  /** They were there already, as they were or with later changes. */
  readonly present: readonly string[];
  /** There are others with these ids; they stay as they are. */
  readonly different: readonly string[];
}

type Outcome = keyof ImportOutcome;

const byId = (one: ImportedOrder, other: ImportedOrder) => (one.orderId < other.orderId ? -1 : 1);

const UNIQUE_VIOLATION = '23505';

/**
 * Takes over orders in one transaction: all that are not there yet, or none. To send the same again changes nothing. Answers the events
 * for consumers as well. Throws InvalidOrderError, and ImportedAtOnceError when another request brings one of the orders at this moment.
 */
export async function importOrders(
  { orders: wanted, events, traces }: OrderImport,
  { database, orders, outbox }: { database: Database; orders: OrderStore; outbox: OutboxWriter },
): Promise<{ readonly outcome: ImportOutcome; readonly appended: readonly OrderEvent[] }> {
  const now = new Date();
  try {
    return await inTransaction(database, async (transaction) => {
      const outcomes: { orderId: string; outcome: Outcome }[] = [];
      const appended: OrderEvent[] = [];
      // In one order for all batches, so that two of them do not wait for each other's rows.
      for (const order of wanted.toSorted(byId)) {
        const { orderId } = order;
        const present = await orders.lock(transaction, orderId, ANYBODY);
        if (present) {
          outcomes.push({ orderId, outcome: isImportOf(present, order) ? 'present' : 'different' });
          continue;
        }
        const command = importOrder(order, { now, eventId: randomUUIDv7() });
        const write = await orders.create(transaction, command, { ownTimes: true });
        outcomes.push({ orderId, outcome: 'imported' });
        await outbox.append(transaction, write, { ...traces, untold: !events });
        if (events) appended.push(...write.events);
      }
      const those = (kind: Outcome) =>
        outcomes.filter(({ outcome }) => outcome === kind).map(({ orderId }) => orderId);
      const outcome = {
        imported: those('imported'),
        present: those('present'),
        different: those('different'),
      };
      return { outcome, appended };
    });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === UNIQUE_VIOLATION) {
      throw new ImportedAtOnceError();
    }
    throw error;
  }
}
