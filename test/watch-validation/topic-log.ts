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

export type OrderSelection = { readonly [Axis in keyof OrderFilter]?: readonly OrderFilter[Axis][number][] };

/** What the contract says of filters: one value of every axis that is set. */
export function isSelected(
  { statuses = [], orderIds = [], customerIds = [], eventTypes = [] }: OrderSelection,
  event: Pick<LoggedEvent, 'status' | 'orderId' | 'customerId' | 'eventType'>,
): boolean {
  const axes: readonly [readonly string[], string][] = [
    [statuses, event.status],
    [orderIds, event.orderId],
    [customerIds, event.customerId],
    [eventTypes, event.eventType],
  ];
  return axes.every(([values, value]) => values.length === 0 || values.includes(value));
}
