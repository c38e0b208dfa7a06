import { randomUUIDv7 } from 'node:crypto';
import { type Database, inTransaction, readAgain } from '@order-events/database';
import {
  changeOrderStatus,
  type Clock,
  type CommandContext,
  type Order,
  type OrderChange,
  type OrderDetails,
  type OrderStatus,
  type OrderWrite,
  placeOrder,
  updateOrder,
} from '@order-events/domain';
import type { Logger } from '@order-events/runtime';
import type { IdempotencyStore } from './idempotency-store.ts';
import type { IdempotentRequest } from './idempotent-request.ts';
import { OrderNotFoundError, VersionMismatchError } from './order-error.ts';
import type { OrderListQuery, OrderStore } from './order-store.ts';
import type { OutboxWriter } from './outbox-writer.ts';

export interface OrderServiceOptions {
  readonly database: Database;
  readonly orders: OrderStore;
  readonly outbox: OutboxWriter;
  readonly idempotency: IdempotencyStore;
  /** Tells the relay that there is something to publish; a hint, sent after the commit. */
  readonly wakeRelay: () => void;
  readonly clock: Clock;
  readonly log: Logger;
}

/** About the request that makes a change. */
export interface ChangeRequest {
  /** W3C trace context, stored with the event. */
  readonly traceparent: string;
  /** The change is refused when the order has another version. */
  readonly expectedVersion?: number | undefined;
  /** Sent again, the request changes nothing and gets the answer of the first time. */
  readonly idempotency?: IdempotentRequest | undefined;
}

export interface OrderOutcome {
  readonly order: Order;
  /** Whether this is the answer of an earlier request with the same idempotency key. */
  readonly replayed: boolean;
}

/** Beside what is said here, the errors of the domain's commands and of the idempotency store. */
export interface OrderService {
  place(details: OrderDetails, request: ChangeRequest): Promise<OrderOutcome>;
  /** Throws OrderNotFoundError and VersionMismatchError, as does `changeStatus`. */
  changeItems(orderId: string, change: OrderChange, request: ChangeRequest): Promise<OrderOutcome>;
  changeStatus(orderId: string, status: OrderStatus, request: ChangeRequest): Promise<OrderOutcome>;
  /** Throws OrderNotFoundError. */
  get(orderId: string): Promise<Order>;
  list(query: OrderListQuery): Promise<Order[]>;
}

/** Each change and its event are one transaction; nothing here waits for, or knows of, whoever publishes the event. */
export function createOrderService(options: OrderServiceOptions): OrderService {
  const { database, orders, outbox, idempotency, wakeRelay, clock, log } = options;

  function context(): CommandContext {
    return { now: clock(), eventId: randomUUIDv7() };
  }

  function afterCommit(): void {
    try {
      wakeRelay();
    } catch (error) {
      log.warn({ err: error }, 'relay not woken; it will look by itself');
    }
  }

  async function place(details: OrderDetails, request: ChangeRequest): Promise<OrderOutcome> {
    const placed = placeOrder(details, randomUUIDv7(), context());
    const outcome = await inTransaction(database, async (transaction) => {
      const earlier = request.idempotency && (await idempotency.find(transaction, request.idempotency));
      if (earlier) return { order: earlier, replayed: true };
      const write = await orders.create(transaction, placed);
      if (request.idempotency) await idempotency.record(transaction, request.idempotency, write);
      await outbox.append(transaction, write, request.traceparent);
      return { order: write.order, replayed: false };
    });
    afterCommit();
    return outcome;
  }

  async function change(
    orderId: string,
    request: ChangeRequest,
    decide: (current: Order) => OrderWrite,
  ): Promise<OrderOutcome> {
    const outcome = await inTransaction(database, async (transaction) => {
      const earlier = request.idempotency && (await idempotency.find(transaction, request.idempotency));
      if (earlier) return { order: earlier, replayed: true };
      const current = await orders.lock(transaction, orderId);
      if (!current) throw new OrderNotFoundError(orderId);
      if (request.expectedVersion !== undefined && request.expectedVersion !== current.version) {
        throw new VersionMismatchError(request.expectedVersion, current.version);
      }
      const write = await orders.update(transaction, decide(current));
      if (request.idempotency) await idempotency.record(transaction, request.idempotency, write);
      await outbox.append(transaction, write, request.traceparent);
      return { order: write.order, replayed: false };
    });
    afterCommit();
    return outcome;
  }

  return {
    place,
    changeItems: (orderId, items, request) =>
      change(orderId, request, (current) => updateOrder(current, items, context())),
    changeStatus: (orderId, status, request) =>
      change(orderId, request, (current) => changeOrderStatus(current, status, context())),
    async get(orderId) {
      const order = await readAgain(() => orders.find(database, orderId));
      if (!order) throw new OrderNotFoundError(orderId);
      return order;
    },
    list: (query) => readAgain(() => orders.list(database, query)),
  };
}
