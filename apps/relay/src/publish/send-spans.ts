import { EVENT_ID_HEADER, type PublishObserver } from '@order-events/messaging';
import {
  isSampled,
  type RunningSpan,
  type SpanAttributes,
  type SpanLink,
  startLinkedSpan,
  type Tracing,
} from '@order-events/runtime';

type HandedOver = NonNullable<PublishObserver['handedOver']>;
type Records = Parameters<HandedOver>[1];

export interface SendSpansOptions {
  readonly tracing: Tracing;
  readonly topic: string;
  readonly clientId: string;
}

/**
 * One span for each attempt to send a batch that has a recorded event. It links to the creation contexts of these events, which the
 * records carry on as they are, and that of a repetition also to the attempt before it.
 */
export function createSendSpans({ tracing, topic, clientId }: SendSpansOptions): HandedOver {
  return (partition, records) => {
    if (!records.some(isRecorded)) return undefined;
    const about = {
      'messaging.system': 'kafka',
      'messaging.operation.name': 'send',
      'messaging.operation.type': 'send',
      'messaging.destination.name': topic,
      'messaging.destination.partition.id': String(partition),
      'messaging.batch.message_count': records.length,
      'messaging.client.id': clientId,
    };
    let before: RunningSpan | undefined;
    let startTimeMs = Date.now();

    /** The offsets are known when it is over, and links are given at the start of a span: so it is made at its end. */
    function endAttempt(error: string | undefined, baseOffset?: bigint): void {
      const more = before ? [before] : [];
      const created = records.flatMap((record, index) => creationLink(record, baseOffset, index));
      const attributes = { ...about, ...ofSingle(records, baseOffset) };
      const start = { name: `send ${topic}`, kind: 'client', attributes, startTimeMs } as const;
      before = startLinkedSpan(tracing, start, created, more);
      before.end({ error });
      startTimeMs = Date.now();
    }

    return {
      retried: (error) => endAttempt(error.name),
      ended: (result) =>
        result.kind === 'appended' ? endAttempt(undefined, result.baseOffset) : endAttempt(result.kind),
    };
  };
}

type OneRecord = Records[number];

const isRecorded = ({ headers }: OneRecord): boolean => isSampled(headers['traceparent']);

function creationLink(record: OneRecord, baseOffset: bigint | undefined, index: number): SpanLink[] {
  const { traceparent, tracestate } = record.headers;
  if (traceparent === undefined || !isSampled(traceparent)) return [];
  const attributes = {
    'messaging.message.id': record.headers[EVENT_ID_HEADER],
    'messaging.kafka.offset': baseOffset === undefined ? undefined : Number(baseOffset) + index,
  };
  return [{ traceparent, tracestate, attributes }];
}

/** What belongs to one message stands at the link to it; of a batch of one, at the span as well. */
function ofSingle(records: Records, offset: bigint | undefined): SpanAttributes {
  const [record] = records;
  if (!record || records.length > 1) return {};
  return {
    'messaging.message.id': record.headers[EVENT_ID_HEADER],
    'messaging.kafka.message.key': record.key,
    'messaging.kafka.offset': offset === undefined ? undefined : Number(offset),
  };
}
