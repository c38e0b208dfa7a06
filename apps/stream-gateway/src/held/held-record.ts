import {
  type OrderEvent,
  OrderEventType,
  OrderStatus,
  WatchOrdersResponse,
} from '@order-events/order-stream';
import { z } from 'zod';
import type { LogEvent } from '../log/log-event.ts';
import { type HeldRecord, type HeldState, MAX_RETRY_DELAY_MS } from './held-order.ts';
import { InvalidHeldRecordError } from './held-unreadable.ts';
import { readStored } from './stored-json.ts';

/** Neither in names of subscriptions nor in ids of events. */
const SEPARATOR = '/';

const storedState = z.object({
  version: z.literal(1),
  attempts: z.number().int().min(0),
  forgiven_attempts: z.number().int().min(0),
  reason: z.string(),
  not_before: z.number(),
  /** Not in records of the first versions. */
  delay_ms: z.number().optional(),
  set_aside: z.boolean(),
  event: z.base64(),
});

export function heldKey(subscription: string, eventId: string): string {
  return subscription + SEPARATOR + eventId;
}

/** The event as it was streamed, which has all of it, and what became of it. */
export function encodeHeldRecord({ event, state }: HeldRecord<LogEvent>): string {
  const { attempts, forgivenAttempts, reason, notBeforeMs, delayMs, isSetAside } = state;
  const stored: z.input<typeof storedState> = {
    version: 1,
    attempts,
    forgiven_attempts: forgivenAttempts,
    reason,
    not_before: notBeforeMs,
    delay_ms: delayMs,
    set_aside: isSetAside,
    event: Buffer.from(event.encoded).toString('base64'),
  };
  return JSON.stringify(stored);
}

/** Undefined for a key that is none of an event of the subscription. */
export function heldEventIdOf(subscription: string, key: string): string | undefined {
  const prefix = heldKey(subscription, '');
  return key.startsWith(prefix) ? key.slice(prefix.length) : undefined;
}

/** `timestampMs`: of the record. Throws an InvalidHeldRecordError at a value that encodeHeldRecord does not make of the event. */
export function decodeHeldRecord(eventId: string, value: Buffer, timestampMs: number): HeldRecord<LogEvent> {
  const stored = readStored(storedState, value);
  const state: HeldState = {
    attempts: stored.attempts,
    forgivenAttempts: stored.forgiven_attempts,
    reason: stored.reason,
    notBeforeMs: stored.not_before,
    delayMs: stored.delay_ms ?? delayBy(timestampMs, stored.not_before),
    isSetAside: stored.set_aside,
  };
  return { event: decodeEvent(eventId, Buffer.from(stored.event, 'base64')), state };
}

/** The record is as old as the rejection, and its time is of the same clock, where the topic keeps the times of its writers. */
function delayBy(timestampMs: number, notBeforeMs: number): number {
  if (timestampMs < 0) return MAX_RETRY_DELAY_MS;
  return Math.min(MAX_RETRY_DELAY_MS, Math.max(0, notBeforeMs - timestampMs));
}

function decodeEvent(eventId: string, encoded: Buffer): LogEvent {
  const event = firstEvent(encoded);
  if (event?.eventId !== eventId) throw new InvalidHeldRecordError('the event in it is not the one it is of');
  const { partition, offset, orderId, customerId } = event;
  return {
    ...{ partition, offset, eventId, orderId, customerId, encoded },
    logTimeMs: event.logTime?.getTime() ?? 0,
    occurTimeMs: event.occurTime?.getTime() ?? 0,
    ledgerId: eventId,
    status: event.status ?? OrderStatus.UNSPECIFIED,
    previousStatus: event.previousStatus ?? OrderStatus.UNSPECIFIED,
    eventType: event.eventType ?? OrderEventType.UNSPECIFIED,
  };
}

function firstEvent(encoded: Buffer): OrderEvent | undefined {
  try {
    return WatchOrdersResponse.decode(encoded).events[0];
  } catch (cause) {
    throw new InvalidHeldRecordError('the event in it cannot be read', { cause });
  }
}

/** The same event, encoded with the number of its delivery. */
export function withAttempt(event: LogEvent, attempt: number): LogEvent {
  if (attempt <= 1) return event;
  const message = WatchOrdersResponse.decode(event.encoded);
  for (const streamed of message.events) streamed.attempt = attempt;
  return { ...event, encoded: WatchOrdersResponse.encode(message).finish() };
}
