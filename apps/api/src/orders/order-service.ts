import { randomUUIDv7 } from 'node:crypto';
import { type Database, inTransaction, readAgain } from '@order-events/database';
import {
  changeOrderStatus,
  type CommandContext,
  type Order,
  type OrderChange,
  type OrderDetails,
  type OrderEvent,
  type OrderStatus,
  type OrderWrite,
  placeOrder,
  updateOrder,
} from '@order-events/domain';
import type { ApiMetrics } from '../api-metrics.ts';
import type { Logger } from '@order-events/runtime';
import type { Caller } from './caller.ts';
import type { IdempotencyStore } from './idempotency-store.ts';
import type { IdempotentRequest } from './idempotent-request.ts';
import { type ImportOutcome, importOrders, type OrderImport } from './order-import.ts';
import { OrderNotFoundError, VersionMismatchError } from './order-error.ts';
import type { OrderChangesPage, OrderChangesQuery } from './order-changes.ts';
import type { OrderListQuery, OrderPage, OrderStore } from './order-store.ts';
import type { OutboxWriter } from './outbox-writer.ts';
import { type WritePosition, writePosition } from './write-position.ts';

/** Where pages end. */
export type { ChangesPosition } from './order-changes.ts';
export type { ListPosition } from './order-store.ts';
export type { Moment } from './moment.ts';

export interface OrderServiceOptions {
  readonly database: Database;
  readonly orders: OrderStore;
  readonly outbox: OutboxWriter;
  readonly idempotency: IdempotencyStore;
  /** Tells the relay that there is something to publish; a hint, sent after the commit. */
  readonly wakeRelay: () => void;
  readonly metrics: Pick<ApiMetrics, 'appended'>;
  readonly log: Logger;
}

/** About the request that makes a change. */
export interface ChangeRequest {
  readonly caller: Caller;
  /** W3C trace context, stored with the event. */
  readonly traceparent: string;
  readonly tracestate?: string | undefined;
  /** The change is refused when the order as it is does not meet this. */
  readonly precondition?: ((current: Order) => boolean) | undefined;
  /** Sent again, the request changes nothing and gets the answer of the first time. */
  readonly idempotency?: IdempotentRequest | undefined;
}

export interface OrderOutcome {
  readonly order: Order;
  /** Whether this is the answer of an earlier request with the same idempotency key. */
  readonly replayed: boolean;
  readonly position: WritePosition;
}

/** Beside what is said here, the errors of the domain's commands and of the idempotency store. */
export interface OrderService {
  place(details: OrderDetails, request: ChangeRequest): Promise<OrderOutcome>;
  /** Throws OrderNotFoundError and VersionMismatchError, as does `changeStatus`. */
  changeItems(orderId: string, change: OrderChange, request: ChangeRequest): Promise<OrderOutcome>;
  changeStatus(orderId: string, status: OrderStatus, request: ChangeRequest): Promise<OrderOutcome>;
  /** As `importOrders` does. */
  import(wanted: OrderImport): Promise<ImportOutcome>;
  /** Throws OrderNotFoundError. */
  get(orderId: string, caller: Caller): Promise<Order>;
  list(query: OrderListQuery): Promise<OrderPage>;
  /** Throws ChangesExpiredError. */
  listChanges(query: OrderChangesQuery): Promise<OrderChangesPage>;
}

/** Each change and its event are one transaction; nothing here waits for, or knows of, whoever publishes the event. */
export function createOrderService(options: OrderServiceOptions): OrderService {
  const { database, orders, outbox, idempotency, wakeRelay, metrics, log } = options;

  /** The database tells the times of an order when it stores it: hosts' clocks differ. */
  function context(): CommandContext {
    return { now: new Date(), eventId: randomUUIDv7() };
  }

  function afterCommit(appended: readonly OrderEvent[]): void {
    if (appended.length === 0) return;
    for (const { eventType } of appended) metrics.appended.inc({ event_type: eventType });
    try {
      wakeRelay();
    } catch (error) {
      log.warn({ reason: error }, 'relay not woken; it will look by itself');
    }
  }

  async function place(details: OrderDetails, request: ChangeRequest): Promise<OrderOutcome> {
    const placed = placeOrder(details, randomUUIDv7(), context());
    const beganAtMs = performance.now();
    const outcome = await inTransaction(database, async (transaction) => {
      const earlier = request.idempotency && (await idempotency.find(transaction, request.idempotency));
      if (earlier) return { ...earlier, replayed: true, appended: [] };
      const write = await orders.create(transaction, placed);
      const before = request.idempotency && idempotency.remembering(transaction, request.idempotency, write);
      const { traceparent, tracestate } = request;
      await outbox.append(transaction, write, { traceparent, tracestate, before });
      return { order: write.order, askedAt: write.storedAt, replayed: false, appended: write.events };
    });
    const position = writePosition(outcome.order, outcome.askedAt, beganAtMs);
    afterCommit(outcome.appended);
    return { order: outcome.order, replayed: outcome.replayed, position };
  }

  async function change(
    orderId: string,
    request: ChangeRequest,
    decide: (current: Order) => OrderWrite,
  ): Promise<OrderOutcome> {
    const beganAtMs = performance.now();
    const outcome = await inTransaction(database, async (transaction) => {
      const earlier = request.idempotency && (await idempotency.find(transaction, request.idempotency));
      if (earlier) return { ...earlier, replayed: true, appended: [] };
      const current = await orders.lock(transaction, orderId, request.caller);
      if (!current) throw new OrderNotFoundError(orderId);
      if (request.precondition?.(current) === false) throw new VersionMismatchError(current.version);
      const write = await orders.update(transaction, decide(current));
      const before = request.idempotency && idempotency.remembering(transaction, request.idempotency, write);
      const { traceparent, tracestate } = request;
      await outbox.append(transaction, write, { traceparent, tracestate, before });
      return { order: write.order, askedAt: write.storedAt, replayed: false, appended: write.events };
    });
    const position = writePosition(outcome.order, outcome.askedAt, beganAtMs);
    afterCommit(outcome.appended);
    return { order: outcome.order, replayed: outcome.replayed, position };
  }

  return {
    place,
    changeItems: (orderId, items, request) =>
      change(orderId, request, (current) => updateOrder(current, items, context())),
    changeStatus: (orderId, status, request) =>
      change(orderId, request, (current) => changeOrderStatus(current, status, context())),
    async import(wanted) {
      const { outcome, appended } = await importOrders(wanted, { database, orders, outbox });
      afterCommit(appended);
      return outcome;
    },
    async get(orderId, caller) {
      const order = await readAgain(() => orders.find(database, orderId, caller));
      if (!order) throw new OrderNotFoundError(orderId);
      return order;
    },
    list: (query) => readAgain(() => orders.list(database, query)),
    listChanges: (query) => readAgain(() => orders.listChanges(database, query)),
  };
}
