import { encodeOrderEvent, orderEventHeaders } from '@order-events/messaging';
import { encodeRecordBatch } from '../../../packages/messaging/src/wire/record-batch-encoding.ts';
import type { SimulatedRecord } from '../../../packages/messaging/testing/simulated-partition.ts';
import { orderEvent } from './order-events.ts';

const ID_PREFIX = '00000000-0000-4000-8000-';

/** A record with an event of an order, known by its number. */
export function numberedRecord(name: number, orderId: string): SimulatedRecord {
  const event = orderEvent({ eventId: `${ID_PREFIX}${String(name).padStart(12, '0')}`, orderId });
  const record = { key: orderId, value: encodeOrderEvent(event), headers: orderEventHeaders(event) };
  const identity = { producerId: '-1', producerEpoch: -1 };
  return { name, batch: encodeRecordBatch({ identity, sequence: -1, records: [record], timestampMs: 0 }) };
}

export function recordName(eventId: string): number {
  return Number(eventId.slice(ID_PREFIX.length));
}
