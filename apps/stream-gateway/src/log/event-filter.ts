import { hash } from 'node:crypto';
import type { LogEvent } from './log-event.ts';

/** Values of each axis that an event may have; an empty axis lets all through. */
export interface EventSelection {
  readonly statuses: readonly LogEvent['status'][];
  readonly orderIds: readonly string[];
  readonly customerIds: readonly string[];
  readonly eventTypes: readonly LogEvent['eventType'][];
}

/** Whether an event is wanted. */
export interface EventFilter {
  (event: Pick<LogEvent, 'status' | 'orderId' | 'customerId' | 'eventType'>): boolean;
  /** The only statuses that it lets through; empty: any. */
  readonly statuses: readonly LogEvent['status'][];
  /** The only orders and customers that it lets through; empty: any. */
  readonly orderIds: ReadonlySet<string>;
  readonly customerIds: ReadonlySet<string>;
  /**
   * The same for filters that let the same events through because they were given the same values, in any order: a SHA-256 in base64url.
   * Subscriptions are stored with it, so it never changes.
   */
  readonly key: string;
}

/** An event passes when it has one of the values of every axis that is not empty. */
export function createEventFilter(selection: EventSelection): EventFilter {
  const statuses = new Set(selection.statuses);
  const orderIds = new Set(selection.orderIds);
  const customerIds = new Set(selection.customerIds);
  const eventTypes = new Set(selection.eventTypes);
  const axes = [statuses, orderIds, customerIds, eventTypes].map((values) => [...values].sort());
  const filter = (event: Parameters<EventFilter>[0]) =>
    (statuses.size === 0 || statuses.has(event.status)) &&
    (orderIds.size === 0 || orderIds.has(event.orderId)) &&
    (customerIds.size === 0 || customerIds.has(event.customerId)) &&
    (eventTypes.size === 0 || eventTypes.has(event.eventType));
  // Not the values themselves: they may be thousands.
  return Object.assign(filter, {
    statuses: [...statuses],
    orderIds,
    customerIds,
    key: hash('sha256', JSON.stringify(axes), 'base64url'),
  });
}
