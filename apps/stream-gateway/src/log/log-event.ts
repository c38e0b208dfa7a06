import { decodeOrderEvent, ledgerId, type LogRecord, REPLAY_ID_HEADER } from '@order-events/messaging';
import {
  type OrderEventType,
  OrderStatus,
  type OrderEvent as StreamedEvent,
  WatchOrdersResponse,
} from '@order-events/order-stream';
import { EVENT_TYPE_NAMES, STATUS_NAMES } from '../order-enums.ts';

/** An event of the log: what filters look at, and its encoding, which all streams share. */
export interface LogEvent {
  readonly partition: number;
  readonly offset: bigint;
  /** When the broker appended it. */
  readonly logTimeMs: number;
  /** When the order was changed, by the database's clock: just before the commit. */
  readonly occurTimeMs: number;
  readonly eventId: string;
  /** What it is delivered once by: an event that an operator replays is one more event to subscribers. */
  readonly ledgerId: string;
  readonly orderId: string;
  readonly customerId: string;
  readonly status: OrderStatus;
  /** Before the change; unspecified when the order was created. */
  readonly previousStatus: OrderStatus;
  readonly eventType: OrderEventType;
  /** One element of `WatchOrdersResponse.events`, field tag included: a message is made by joining such pieces. */
  readonly encoded: Uint8Array;
}

/** Decodes a record and encodes it for the streams. Throws InvalidOrderMessageError when it is no order event. */
export function readLogEvent(record: LogRecord): LogEvent {
  const event = decodeOrderEvent(record.value ?? '');
  const { order } = event;
  const status = STATUS_NAMES[order.status];
  const previousStatus = event.previousStatus ? STATUS_NAMES[event.previousStatus] : OrderStatus.UNSPECIFIED;
  const eventType = EVENT_TYPE_NAMES[event.eventType];
  const streamed: StreamedEvent = {
    eventId: event.eventId,
    eventType,
    orderId: order.orderId,
    orderVersion: BigInt(order.version),
    customerId: order.customerId,
    status,
    previousStatus,
    occurTime: event.occurredAt,
    order: {
      orderId: order.orderId,
      customerId: order.customerId,
      status,
      items: order.items.map((item) => ({
        sku: item.sku,
        quantity: BigInt(item.quantity),
        unitPriceMinor: BigInt(item.unitPriceMinor),
      })),
      currency: order.currency,
      totalMinor: BigInt(order.totalMinor),
      createTime: order.createdAt,
      updateTime: order.updatedAt,
    },
    logTime: new Date(record.timestampMs),
    partition: record.partition,
    offset: record.offset,
    traceparent: record.headers['traceparent']?.toString() ?? '',
    attempt: 0,
  };
  return {
    partition: record.partition,
    offset: record.offset,
    logTimeMs: record.timestampMs,
    occurTimeMs: event.occurredAt.getTime(),
    eventId: event.eventId,
    ledgerId: ledgerId(event.eventId, record.headers[REPLAY_ID_HEADER]?.toString()),
    orderId: order.orderId,
    customerId: order.customerId,
    status,
    previousStatus,
    eventType,
    encoded: WatchOrdersResponse.encode({ events: [streamed], resumeToken: '', signal: undefined }).finish(),
  };
}
