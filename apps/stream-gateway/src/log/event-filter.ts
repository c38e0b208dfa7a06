import { hash } from 'node:crypto';
import type { LogEvent } from './log-event.ts';

/** Values of each axis that an event may have; an empty axis lets all through. */
export interface EventSelection {
  readonly statuses: readonly LogEvent['status'][];
  readonly orderIds: readonly string[];
  readonly customerIds: readonly string[];
  readonly eventTypes: readonly LogEvent['eventType'][];
  /** Whether one of the statuses before the change will do as well. */
  readonly matchPreviousStatus?: boolean;
}

/** What filters look at. */
export type FilteredEvent = Pick<
  LogEvent,
  'status' | 'previousStatus' | 'orderId' | 'customerId' | 'eventType'
>;

/** Whether an event is wanted. */
export interface EventFilter {
  (event: FilteredEvent): boolean;
  /** It lets through only what has one of these statuses, or had one of `previousStatuses` before; empty: any. */
  readonly statuses: readonly LogEvent['status'][];
  readonly previousStatuses: readonly LogEvent['status'][];
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
  const previousStatuses = new Set(selection.matchPreviousStatus ? statuses : []);
  const orderIds = new Set(selection.orderIds);
  const customerIds = new Set(selection.customerIds);
  const eventTypes = new Set(selection.eventTypes);
  const axes = [statuses, orderIds, customerIds, eventTypes].map((values) => [...values].sort());
  // Nothing is added for filters that there were before.
  const identity = previousStatuses.size === 0 ? axes : [...axes, 'previous status'];
  const filter = (event: FilteredEvent) =>
    (statuses.size === 0 || statuses.has(event.status) || previousStatuses.has(event.previousStatus)) &&
    (orderIds.size === 0 || orderIds.has(event.orderId)) &&
    (customerIds.size === 0 || customerIds.has(event.customerId)) &&
    (eventTypes.size === 0 || eventTypes.has(event.eventType));
  // Not the values themselves: they may be thousands.
  return Object.assign(filter, {
    statuses: [...statuses],
    previousStatuses: [...previousStatuses],
    orderIds,
    customerIds,
    key: hash('sha256', JSON.stringify(identity), 'base64url'),
  });
}
