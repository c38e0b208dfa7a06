import type { OrderEvent, WatchOrdersResponse } from '@order-events/order-stream';
import { encodeToken } from './token-position.ts';
import { isSelected, type LoggedEvent, type OrderSelection, type TopicLog } from './topic-log.ts';
import type { ReceivedMessage, RecordedStream } from './watch-history.ts';

type Message = Pick<WatchOrdersResponse, 'events' | 'resumeToken' | 'signal'>;

export const TOPIC_ID = Buffer.alloc(16, 7).toString('base64url');

export function tokenAt(next: readonly bigint[]): string {
  return encodeToken({ kind: 'offsets', topicId: TOPIC_ID, next });
}

/** How a correct gateway delivers: `batch` records at a time, one partition after another, from `from` on. */
export function modelStream(
  log: TopicLog,
  filter: OrderSelection,
  from: readonly bigint[],
  { batch, messages: count }: { readonly batch: number; readonly messages: number },
): { readonly stream: RecordedStream; readonly next: readonly bigint[] } {
  const next = [...from];
  const messages: ReceivedMessage[] = [];
  const say = (message: Omit<Message, 'resumeToken'>) =>
    void messages.push({ atMs: messages.length, message: { ...message, resumeToken: tokenAt(next) } });
  say({
    events: [],
    signal: { $case: 'started', value: { watcherId: 'model', heartbeatInterval: undefined } },
  });
  for (let turn = 0; messages.length <= count; turn += 1) {
    const partition = turn % next.length;
    const events = log.partitions[partition] ?? [];
    const passed = events.filter(({ offset }) => offset >= (next[partition] ?? 0n)).slice(0, batch);
    if (next.every((offset, index) => offset >= (log.ends[index] ?? 0n))) break;
    next[partition] =
      passed.length < batch ? (log.ends[partition] ?? 0n) : (passed.at(-1)?.offset ?? 0n) + 1n;
    const due = passed.filter((event) => !event.isRepeated && isSelected(filter, event));
    say({ events: due.map(delivered), signal: undefined });
  }
  const start = { $case: 'resumeToken', value: tokenAt(from) } as const;
  return { stream: { start, openedAtMs: 0, messages }, next };
}

/** A logged event as a client gets it. */
export function delivered(event: LoggedEvent): OrderEvent {
  const { partition, offset, eventId, orderId, orderVersion, customerId } = event;
  return {
    ...{ partition, offset, eventId, orderId, orderVersion, customerId },
    // The log names them as the contract does.
    status: event.status as OrderEvent['status'],
    eventType: event.eventType as OrderEvent['eventType'],
    previousStatus: event.previousStatus as OrderEvent['previousStatus'],
    occurTime: undefined,
    logTime: undefined,
    order: undefined,
    traceparent: '',
    attempt: 0,
  };
}
