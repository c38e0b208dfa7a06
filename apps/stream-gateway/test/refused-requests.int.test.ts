import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import {
  createOrderStreamClient,
  decodeErrorDetails,
  type DeepPartial,
  type ErrorDetails,
  OrderEventType,
  OrderStatus,
  OrderStreamError,
  watchOrders,
  type WatchOrdersRequest,
} from '@order-events/order-stream';
import { type Metadata, Status } from 'nice-grpc-common';
import { eventually, startApp } from '../../../test/harness/index.ts';
import { deleteRecords } from '../../../test/harness/topic-admin.ts';
import { startGateway } from '../testing/gateway-app.ts';
import { orderEvent } from '../testing/order-events.ts';
import { recordWatch } from '../testing/stream-recorder.ts';
import { decodeResumeToken, encodeResumeToken } from '../src/position/resume-token.ts';

const ids = (events: readonly { eventId: string }[]) => events.map(({ eventId }) => eventId);

test('the wrong fields of a request are named', async (t) => {
  const { watch } = await startGateway(t);
  const { ended } = watch({
    filter: {
      statuses: [OrderStatus.PENDING, OrderStatus.UNSPECIFIED, OrderStatus.UNRECOGNIZED],
      eventTypes: [OrderEventType.UNRECOGNIZED],
      orderIds: ['', 'x'.repeat(201), 'a\u0000', ' Mu\u0308\u200b'],
      customerIds: Array.from({ length: 1_001 }, (_, index) => `customer-${index}`),
    },
    start: { position: { $case: 'startTime', value: new Date(Date.now() + 3_600_000) } },
    heartbeatInterval: { seconds: -1n },
    maxBatchSize: 4_000_000_000,
  });
  const { code, trailer } = await ended;
  assert.equal(code, Status.INVALID_ARGUMENT);
  const fields = decodeErrorDetails(trailer).violations?.map(({ field }) => field);
  assert.deepEqual(fields, [
    'filter.statuses[1]',
    'filter.statuses[2]',
    'filter.event_types[0]',
    'filter.order_ids[0]',
    'filter.order_ids[1]',
    'filter.order_ids[2]',
    'filter.customer_ids',
    'start.start_time',
    'heartbeat_interval',
    'max_batch_size',
  ]);
});

test('thousands of wrong fields get a short answer, and the streams beside it on the connection go on', async (t) => {
  const { app, produce } = await startGateway(t);
  const { client, close } = createOrderStreamClient(app.urls.grpc);
  t.after(close);
  const healthy = Array.from({ length: 5 }, () => client.watchOrders({})[Symbol.asyncIterator]());
  await Promise.all(healthy.map((stream) => stream.next()));
  const wrong = Array.from({ length: 1_000 }, () => '');
  const statuses = Array.from({ length: 1_000 }, () => OrderStatus.UNRECOGNIZED);
  for (const filter of [{ orderIds: wrong }, { statuses, orderIds: wrong, customerIds: wrong }]) {
    let violations: ErrorDetails['violations'];
    const onTrailer = (trailer: Metadata) => ({ violations } = decodeErrorDetails(trailer));
    const refused = client.watchOrders({ filter }, { onTrailer })[Symbol.asyncIterator]();
    await assert.rejects(refused.next(), { code: Status.INVALID_ARGUMENT, message: /… and \d+ more$/ });
    assert.ok(violations && violations.length > 0 && violations.length <= 10);
    await assert.rejects(
      watchOrders({ address: app.urls.grpc, filter }).next(),
      (error) => error instanceof OrderStreamError && error.violations.length > 0,
    );
  }
  const event = orderEvent();
  await produce(event);
  for (const stream of healthy) {
    for (let seen: string[] = []; !seen.includes(event.eventId);) {
      const { value } = await stream.next();
      seen = ids(value.events);
    }
  }
});

test('a start that is switched off, and times that no clock shows, are refused', async (t) => {
  const { watch } = await startGateway(t);
  const refused = async (request: DeepPartial<WatchOrdersRequest>, field: string) => {
    const { code, trailer } = await watch(request).ended;
    assert.equal(code, Status.INVALID_ARGUMENT);
    assert.deepEqual(
      decodeErrorDetails(trailer).violations?.map((violation) => violation.field),
      [field],
    );
  };
  await refused({ start: { position: { $case: 'latest', value: false } } }, 'start.latest');
  await refused({ start: { position: { $case: 'earliest', value: false } } }, 'start.earliest');
  await refused({ start: { position: { $case: 'startTime', value: new Date(-1) } } }, 'start.start_time');
});

test('malformed, foreign and impossible tokens have the documented answers', async (t) => {
  const { watch, produce, metric } = await startGateway(t);
  const other = await startGateway(t);
  const refusal = (value: string) => watch({ start: { position: { $case: 'resumeToken', value } } }).ended;

  for (const token of ['', 'nonsense', 'AAAA', '🦄', 'A'.repeat(10_000)]) {
    const { code, trailer } = await refusal(token);
    assert.equal(code, Status.INVALID_ARGUMENT, token);
    assert.equal(decodeErrorDetails(trailer).violations?.[0]?.field, 'start.resume_token');
  }

  const elsewhere = other.watch();
  await elsewhere.signal('caughtUp');
  const foreign = await refusal(elsewhere.token());
  assert.equal(foreign.code, Status.FAILED_PRECONDITION);
  assert.equal(decodeErrorDetails(foreign.trailer).info?.reason, 'RESUME_TOKEN_FOREIGN');

  await produce(orderEvent());
  const stream = watch();
  await stream.signal('caughtUp');
  const ahead = await refusal(withRaisedOffset(stream.token()));
  assert.equal(ahead.code, Status.OUT_OF_RANGE);
  const { info } = decodeErrorDetails(ahead.trailer);
  assert.equal(info?.reason, 'RESUME_TOKEN_AHEAD');
  const earliest = info.metadata['earliest_token'] ?? '';
  const resumed = watch({ start: { position: { $case: 'resumeToken', value: earliest } } });
  await resumed.events(1);
  assert.equal(info.metadata['latest_token'], stream.token());

  assert.equal(await metric(/^stream_tokens_rejected_total\{.*reason="RESUME_TOKEN_MALFORMED"/), 5);
  assert.equal(await metric(/^stream_tokens_rejected_total\{.*reason="RESUME_TOKEN_AHEAD"/), 1);
});

test('a token that retention has overtaken is refused with both ends, or a gap is told', async (t) => {
  const { watch, produce, brokers, topic } = await startGateway(t, { GATEWAY_RING_BYTES: '1048576' });
  const live = watch();
  await live.signal('caughtUp');
  const token = live.token();
  const orderId = randomUUID();
  const events = Array.from({ length: 10 }, (_, index) => orderEvent({ orderId, version: index + 1 }));
  await produce(...events);
  await live.events(10);
  const { partition } = live.messages.flatMap((message) => message.events)[0]!;
  await deleteRecords({ brokers, topic }, new Map([[partition, 4n]]));
  // The ring of this gateway still has them: another one asks Kafka.
  const fresh = await startApp(t, 'stream-gateway', {
    KAFKA_BROKERS: brokers.join(','),
    KAFKA_TOPIC: topic,
  });
  const start = { position: { $case: 'resumeToken', value: token } } as const;
  const refused = await recordWatch(t, fresh.urls.grpc, { start }).ended;
  assert.equal(refused.code, Status.OUT_OF_RANGE);
  const { info } = decodeErrorDetails(refused.trailer);
  assert.equal(info?.reason, 'RESUME_TOKEN_EXPIRED');

  const gapped = recordWatch(t, fresh.urls.grpc, { start, allowGap: true });
  const { signal } = await gapped.signal('gap');
  assert.deepEqual(signal, { $case: 'gap', value: { fromToken: token, missedEvents: 4n } });
  assert.deepEqual(await gapped.events(6), ids(events.slice(4)));
  const earliest = {
    position: { $case: 'resumeToken', value: info.metadata['earliest_token'] ?? '' },
  } as const;
  assert.deepEqual(
    await recordWatch(t, fresh.urls.grpc, { start: earliest }).events(6),
    ids(events.slice(4)),
  );
});

test('too many streams are refused with a time to come back', async (t) => {
  const { watch } = await startGateway(t, { GATEWAY_MAX_WATCHERS: '1' });
  const first = watch();
  await first.signal('started');
  const { code, trailer } = await watch().ended;
  assert.equal(code, Status.RESOURCE_EXHAUSTED);
  assert.ok((decodeErrorDetails(trailer).retryDelayMs ?? 0) >= 1_000);
  await first.cancel();
  await eventually(async () => {
    const next = watch();
    await Promise.race([next.signal('started'), next.ended.then(({ message }) => assert.fail(message))]);
  });
});

function withRaisedOffset(token: string): string {
  const point = decodeResumeToken(token);
  assert.equal(point.kind, 'offsets');
  return encodeResumeToken({ ...point, next: point.next.map((offset) => offset + 1n) });
}
