import type { OrderFilter } from '@order-events/order-stream';

/** An order event as the topic holds it, read without the code of the gateway. */
export interface LoggedEvent {
  readonly partition: number;
  readonly offset: bigint;
  /** When the broker appended it. */
  readonly timestampMs: number;
  readonly eventId: string;
  readonly orderId: string;
  readonly orderVersion: bigint;
  readonly customerId: string;
  /** By the names of the contract. */
  readonly status: string;
  readonly previousStatus: string;
  readonly eventType: string;
  /** An earlier record of the partition has the same event: the gateway need not deliver this one. */
  readonly isRepeated: boolean;
}

/** The order events of a topic by partition, in the order of their offsets; what else the topic holds is left out. */
export interface TopicLog {
  readonly partitions: readonly (readonly LoggedEvent[])[];
  /** Offset after the last record of each partition, whatever that is. */
  readonly ends: readonly bigint[];
}

type Axis = Exclude<keyof OrderFilter, 'matchPreviousStatus'>;

export type OrderSelection = { readonly [Each in Axis]?: readonly OrderFilter[Each][number][] } & Partial<
  Pick<OrderFilter, 'matchPreviousStatus'>
>;

/** What the contract says of filters: one value of every axis that is set. */
export function isSelected(
  { statuses = [], orderIds = [], customerIds = [], eventTypes = [], matchPreviousStatus }: OrderSelection,
  event: Pick<LoggedEvent, 'status' | 'previousStatus' | 'orderId' | 'customerId' | 'eventType'>,
): boolean {
  const statusesOfEvent = matchPreviousStatus ? [event.status, event.previousStatus] : [event.status];
  const axes: readonly [readonly string[], readonly string[]][] = [
    [statuses, statusesOfEvent],
    [orderIds, [event.orderId]],
    [customerIds, [event.customerId]],
    [eventTypes, [event.eventType]],
  ];
  return axes.every(
    ([values, found]) => values.length === 0 || found.some((value) => values.includes(value)),
  );
}
