import { createLogReader, decodeOrderEvent } from '@order-events/messaging';
import { createDeliveryRecord, type DeliveryVerdict } from './delivery-record.ts';

export interface TopicAudit extends DeliveryVerdict {
  /** Events in the topic. */
  events: number;
}

/** Reads the whole topic and compares it with what must be in it. */
export async function auditTopic(
  brokers: readonly string[],
  topic: string,
  expected: readonly { orderId: string; version: number }[],
): Promise<TopicAudit> {
  const reader = createLogReader({ brokers, clientId: 'topic-audit', topic });
  const record = createDeliveryRecord();
  let events = 0;
  try {
    const signal = AbortSignal.timeout(60_000);
    const from = await reader.offsets('earliest', undefined, signal);
    const to = await reader.offsets('latest', undefined, signal);
    await reader.read(
      from,
      to,
      (batch) => {
        for (const { value } of batch.records) {
          if (!value) continue;
          const { order } = decodeOrderEvent(value);
          record.deliver(order);
          events += 1;
        }
      },
      signal,
    );
  } finally {
    reader.close();
  }
  return { events, ...record.verdict(expected) };
}
