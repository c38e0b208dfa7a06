import {
  ORDER_EVENT_TYPES,
  ORDER_STATUSES,
  type Order,
  type OrderEvent,
  type OrderItem,
} from '@order-events/domain';

const SCHEMA_VERSION = 1;
const RFC_3339_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;

/** A record value is not an order event as order-event.schema.json describes it; the message names the field and what it must be. */
export class InvalidOrderMessageError extends Error {
  override readonly name = 'InvalidOrderMessageError';
}

type JsonObject = Readonly<Record<string, unknown>>;

/** The record value of an order event: JSON as order-event.schema.json describes it. Throws InvalidOrderMessageError for a time that has no such form. */
export function encodeOrderEvent(event: OrderEvent): string {
  const { order } = event;
  return JSON.stringify({
    event_id: event.eventId,
    event_type: event.eventType,
    schema_version: SCHEMA_VERSION,
    order_id: order.orderId,
    order_version: order.version,
    customer_id: order.customerId,
    status: order.status,
    previous_status: event.previousStatus ?? null,
    occurred_at: timeText('occurred_at', event.occurredAt),
    order: {
      order_id: order.orderId,
      customer_id: order.customerId,
      status: order.status,
      version: order.version,
      currency: order.currency,
      items: order.items.map((item) => ({
        sku: item.sku,
        quantity: item.quantity,
        unit_price_minor: item.unitPriceMinor,
      })),
      total_minor: order.totalMinor,
      created_at: timeText('order.created_at', order.createdAt),
      updated_at: timeText('order.updated_at', order.updatedAt),
    },
  });
}

/** Reads the record value of an order event; fields it does not know are ignored. Throws InvalidOrderMessageError. */
export function decodeOrderEvent(value: Buffer | string): OrderEvent {
  const message = asObject(parseJson(value.toString()), 'the message');
  if (message.schema_version !== SCHEMA_VERSION) {
    throw invalid('schema_version', `${SCHEMA_VERSION}`, message.schema_version);
  }
  const order = decodeOrder(asObject(message.order, 'order'));
  requireSame(message, 'order_id', order.orderId);
  requireSame(message, 'order_version', order.version);
  requireSame(message, 'customer_id', order.customerId);
  requireSame(message, 'status', order.status);
  const eventType = oneOf(ORDER_EVENT_TYPES, message, 'event_type');
  if (eventType === 'order.created' && message.previous_status !== null) {
    throw invalid('previous_status', 'null when the order was created', message.previous_status);
  }
  return {
    eventId: text(message, 'event_id'),
    eventType,
    previousStatus:
      eventType === 'order.created' ? undefined : oneOf(ORDER_STATUSES, message, 'previous_status'),
    occurredAt: time(message, 'occurred_at'),
    order,
  };
}

function decodeOrder(json: JsonObject): Order {
  const at = 'order.';
  return {
    orderId: text(json, 'order_id', at),
    customerId: text(json, 'customer_id', at),
    status: oneOf(ORDER_STATUSES, json, 'status', at),
    version: wholeNumber(json, 'version', at, 1),
    currency: text(json, 'currency', at),
    items: decodeItems(json.items),
    totalMinor: wholeNumber(json, 'total_minor', at, 0),
    createdAt: time(json, 'created_at', at),
    updatedAt: time(json, 'updated_at', at),
  };
}

function decodeItems(json: unknown): OrderItem[] {
  if (!Array.isArray(json) || json.length === 0) {
    throw invalid('order.items', 'an array of at least one item', json);
  }
  return json.map((element: unknown, index) => {
    const at = `order.items[${index}]`;
    const item = asObject(element, at);
    return {
      sku: text(item, 'sku', `${at}.`),
      quantity: wholeNumber(item, 'quantity', `${at}.`, 1),
      unitPriceMinor: wholeNumber(item, 'unit_price_minor', `${at}.`, 0),
    };
  });
}

function parseJson(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch (cause) {
    throw new InvalidOrderMessageError('an order event must be JSON', { cause });
  }
}

function asObject(json: unknown, what: string): JsonObject {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw invalid(what, 'an object', json);
  }
  // Any object that is neither null nor an array can be read by field name.
  return json as JsonObject;
}

function text(json: JsonObject, field: string, at = ''): string {
  const value = json[field];
  if (typeof value !== 'string' || value === '') throw invalid(at + field, 'a non-empty string', value);
  return value;
}

function wholeNumber(json: JsonObject, field: string, at: string, minimum: number): number {
  const value = json[field];
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < minimum) {
    throw invalid(at + field, `a whole number from ${minimum} to 2^53 - 1`, value);
  }
  return value;
}

function time(json: JsonObject, field: string, at = ''): Date {
  const value = json[field];
  if (typeof value === 'string' && RFC_3339_TIME.test(value)) {
    const date = new Date(value);
    if (!Number.isNaN(date.getTime())) return date;
  }
  throw invalid(at + field, 'an RFC 3339 time such as 2026-02-17T10:00:00.123Z', value);
}

function timeText(what: string, date: Date): string {
  const isTime = date instanceof Date && !Number.isNaN(date.getTime());
  const text = isTime ? date.toISOString() : '';
  if (!RFC_3339_TIME.test(text)) throw invalid(what, 'a time of the years 0 to 9999', String(date));
  return text;
}

function oneOf<T extends string>(allowed: readonly T[], json: JsonObject, field: string, at = ''): T {
  const value = json[field];
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) throw invalid(at + field, `one of ${allowed.join(', ')}`, value);
  return found;
}

/** The fields beside `order` repeat what is inside it, so that filters need not look deeper: a difference is a corrupt message. */
function requireSame(message: JsonObject, field: string, expected: string | number): void {
  if (message[field] !== expected) {
    throw invalid(field, `the same as in order (${expected})`, message[field]);
  }
}

function invalid(what: string, mustBe: string, found: unknown): InvalidOrderMessageError {
  const shown = found === undefined ? 'nothing' : (JSON.stringify(found) ?? typeof found);
  const short = shown.length > 60 ? `${shown.slice(0, 60)}…` : shown;
  return new InvalidOrderMessageError(`${what} must be ${mustBe}, found ${short}`);
}
