import { EVENT_ID_HEADER, type LogRecord, type PartitionBatch } from '@order-events/messaging';
import { isSampled, type SpanLink, startLinkedSpan, type Tracing } from '@order-events/runtime';

/** Told of each batch that was taken in, and when that began. */
export type BatchReceived = (batch: PartitionBatch, startTimeMs: number) => void;

export interface ReceiveSpansOptions {
  readonly tracing: Tracing;
  readonly topic: string;
  readonly clientId: string;
}

/**
 * One span for each batch of the log that has a recorded event, linked to the creation contexts of these. It is made once for the
 * process, however many streams get the events: a delivery costs nothing.
 */
export function createReceiveSpans({ tracing, topic, clientId }: ReceiveSpansOptions): BatchReceived {
  return ({ partition, records }, startTimeMs) => {
    const created = records.filter(isRecorded).map(creationLink);
    if (created.length === 0) return;
    const [record] = records;
    const isSingle = records.length === 1;
    startLinkedSpan(
      tracing,
      {
        name: `receive ${topic}`,
        kind: 'client',
        startTimeMs,
        attributes: {
          'messaging.system': 'kafka',
          'messaging.operation.name': 'receive',
          'messaging.operation.type': 'receive',
          'messaging.destination.name': topic,
          'messaging.destination.partition.id': String(partition),
          'messaging.batch.message_count': records.length,
          'messaging.client.id': clientId,
          ...(isSingle && {
            ...created[0]?.attributes,
            'messaging.kafka.message.key': record?.key?.toString(),
          }),
        },
      },
      created,
    ).end();
  };
}

/** A test of one bit: what nobody records costs no more. */
const isRecorded = ({ headers }: LogRecord): boolean => isSampled(headers['traceparent']);

function creationLink({ headers, offset }: LogRecord): SpanLink {
  return {
    traceparent: String(headers['traceparent']),
    tracestate: headers['tracestate']?.toString(),
    attributes: {
      'messaging.message.id': headers[EVENT_ID_HEADER]?.toString(),
      'messaging.kafka.offset': Number(offset),
    },
  };
}
