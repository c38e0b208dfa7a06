import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import { ORDER_STATUSES } from '@order-events/domain';
import {
  createOrderStreamClient,
  type DeepPartial,
  OrderStatus,
  type WatchOrdersRequest,
  type WatchOrdersResponse,
} from '@order-events/order-stream';
import fc from 'fast-check';
import { hasReadAll } from '../../../test/watch-validation/read-to-end.ts';
import { readTopicLog } from '../../../test/watch-validation/read-topic-log.ts';
import type { TopicLog } from '../../../test/watch-validation/topic-log.ts';
import { violationsOf } from '../../../test/watch-validation/watch-guarantees.ts';
import type {
  ReceivedMessage,
  RecordedStream,
  WatchHistory,
} from '../../../test/watch-validation/watch-history.ts';
import { startGateway } from '../testing/gateway-app.ts';
import { orderEvent } from '../testing/order-events.ts';

const EVENTS = 3_000;
const READ_MS = 60_000;
const STATUSES = [
  ...[OrderStatus.PENDING, OrderStatus.CONFIRMED, OrderStatus.PROCESSING],
  ...[OrderStatus.SHIPPED, OrderStatus.DELIVERED, OrderStatus.CANCELLED],
] as const;

type OpenStream = (
  request: DeepPartial<WatchOrdersRequest>,
  signal: AbortSignal,
) => AsyncIterable<WatchOrdersResponse>;

interface Split {
  /** Which of three readers reads a status; together they read all. */
  readonly readerOf: readonly number[];
  /** Messages that a stream lives for, and how many events each holds; then the reader goes on with the last token. */
  readonly pieces: readonly { readonly messages: number; readonly maxBatchSize: number }[];
}

const splits: fc.Arbitrary<Split> = fc.record({
  readerOf: fc.array(fc.nat({ max: 2 }), { minLength: STATUSES.length, maxLength: STATUSES.length }),
  pieces: fc.array(
    fc.record({
      messages: fc.integer({ min: 1, max: 12 }),
      maxBatchSize: fc.constantFrom(1, 7, 100, 1_000),
    }),
    { minLength: 2, maxLength: 12 },
  ),
});

/** Reads the log from its beginning to its end, with one filter, piece by piece. */
async function readInPieces(
  open: OpenStream,
  statuses: readonly OrderStatus[],
  pieces: Split['pieces'],
  log: TopicLog,
): Promise<WatchHistory> {
  const streams: RecordedStream[] = [];
  const history = { client: statuses.join(), filter: { statuses }, streams };
  let start: RecordedStream['start'] = { $case: 'earliest', value: true };
  for (const { messages: limit, maxBatchSize } of [...pieces, { messages: Infinity, maxBatchSize: 1_000 }]) {
    const messages: ReceivedMessage[] = [];
    streams.push({ start, openedAtMs: performance.now(), messages });
    const request: DeepPartial<WatchOrdersRequest> = {
      filter: { statuses: [...statuses] },
      start: { position: start },
      maxBatchSize,
    };
    for await (const message of open(request, AbortSignal.timeout(READ_MS))) {
      messages.push({ atMs: performance.now(), message });
      start = { $case: 'resumeToken', value: message.resumeToken };
      if (messages.length >= limit || hasReadAll(history, log)) break;
    }
  }
  return history;
}

/** What differs from one uninterrupted read of everything. */
async function differences(open: OpenStream, { readerOf, pieces }: Split, log: TopicLog): Promise<string[]> {
  const readers = [0, 1, 2].map((reader) => STATUSES.filter((_, index) => readerOf[index] === reader));
  const histories = await Promise.all(
    readers
      .filter((statuses) => statuses.length > 0)
      .map((statuses) => readInPieces(open, statuses, pieces, log)),
  );
  const read = histories.flatMap(({ streams }) =>
    streams.flatMap(({ messages }) => messages.flatMap(({ message }) => message.events)),
  );
  const places = new Set(read.map(({ partition, offset }) => `${partition}@${offset}`));
  const missing = log.partitions
    .flat()
    .filter(({ partition, offset }) => !places.has(`${partition}@${offset}`));
  return [
    ...missing.map(({ eventId }) => `${eventId} was read by nobody`),
    ...(read.length === places.size ? [] : [`${read.length - places.size} events were read twice`]),
    ...violationsOf(histories, log).map(({ guarantee, text }) => `${guarantee}: ${text}`),
  ];
}

/** Streams with a fault that the property must find. */
const FLAWS: Readonly<Record<string, (open: OpenStream) => OpenStream>> = {
  'a resumed stream leaves out its first event': (open) =>
    async function* (request, signal) {
      let isDue = request.start?.position?.$case === 'resumeToken';
      for await (const message of open(request, signal)) {
        yield isDue && message.events.length > 0 ? { ...message, events: message.events.slice(1) } : message;
        if (message.events.length > 0) isDue = false;
      }
    },
  'a message is told again by the next stream': (open) => {
    let last: WatchOrdersResponse['events'] = [];
    return async function* (request, signal) {
      let told = last;
      for await (const message of open(request, signal)) {
        const again = message.events.length > 0 ? told : [];
        if (message.events.length > 0) told = [];
        last = message.events;
        yield { ...message, events: [...again, ...message.events] };
      }
    };
  },
  'the filter is not looked at': (open) => (request, signal) => open({ ...request, filter: {} }, signal),
};

test('however a log is split by disconnects, filters and tokens, the pieces are one uninterrupted read', async (t) => {
  const gateway = await startGateway(t, { GATEWAY_RING_BYTES: '1048576', GATEWAY_HISTORY_BYTES: '1048576' });
  const orders = Array.from({ length: 60 }, () => randomUUID());
  const events = Array.from({ length: EVENTS }, (_, index) =>
    orderEvent({
      orderId: orders[index % orders.length]!,
      version: 1 + Math.floor(index / orders.length),
      status: ORDER_STATUSES[(index * 7 + Math.floor(index / 60)) % ORDER_STATUSES.length]!,
      items: 10,
    }),
  );
  await gateway.produce(...events);
  const log = await readTopicLog(gateway);
  const live = gateway.watch();
  await live.signal('caughtUp');
  const { client, close } = createOrderStreamClient(gateway.app.urls.grpc);
  t.after(close);
  const open: OpenStream = (request, signal) => client.watchOrders(request, { signal });

  const property = (opened: OpenStream) =>
    fc.asyncProperty(splits, async (split) => {
      assert.deepEqual((await differences(opened, split, log)).slice(0, 3), []);
    });
  await fc.assert(property(open), { numRuns: 15 });
  const fetches = await gateway.metric(/^stream_history_fetches_total/);
  assert.ok((fetches ?? 0) > 0, 'all of the log was in memory: nothing was read from history');
  for (const [flaw, spoil] of Object.entries(FLAWS)) {
    const { failed } = await fc.check(property(spoil(open)), { numRuns: 15, endOnFailure: true });
    assert.ok(failed, `not seen: ${flaw}`);
  }
});
