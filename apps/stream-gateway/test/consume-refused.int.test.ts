import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import { decodeErrorDetails, OrderStatus } from '@order-events/order-stream';
import { Status } from 'nice-grpc-common';
import { eventually } from '../../../test/harness/index.ts';
import { type ConsumeRecording, recordConsume } from '../testing/consume-recorder.ts';
import { startGateway } from '../testing/gateway-app.ts';
import { orderEvent } from '../testing/order-events.ts';
import { encodeAckToken } from '../src/consume/ack-token.ts';

async function refusedFields({ ended }: ConsumeRecording): Promise<string[]> {
  const { code, trailer } = await ended;
  assert.equal(code, Status.INVALID_ARGUMENT);
  return decodeErrorDetails(trailer).violations?.map(({ field }) => field) ?? [];
}

test('every wrong field of an open request is named', async (t) => {
  const { app } = await startGateway(t);
  const stream = recordConsume(t, app.urls.grpc, {
    subscription: 'Not a name!',
    filter: { statuses: [OrderStatus.UNSPECIFIED], orderIds: [''] },
    start: { position: { $case: 'earliest', value: false } },
    maxUnacknowledgedEvents: 100_001,
    heartbeatInterval: { seconds: -1n },
    maxBatchSize: 1_001,
  });
  assert.deepEqual((await refusedFields(stream)).toSorted(), [
    'open.filter.order_ids[0]',
    'open.filter.statuses[0]',
    'open.heartbeat_interval',
    'open.max_batch_size',
    'open.max_unacknowledged_events',
    'open.start.earliest',
    'open.subscription',
  ]);
  const start = { position: { $case: 'resumeToken', value: 'nonsense' } } as const;
  const malformed = recordConsume(t, app.urls.grpc, { subscription: randomUUID(), start });
  assert.deepEqual(await refusedFields(malformed), ['open.start.resume_token']);
});

test('the first message must be open, and no later one may be', async (t) => {
  const { app } = await startGateway(t);
  const open = { subscription: randomUUID() };
  const early = recordConsume(t, app.urls.grpc, undefined);
  early.send({ request: { $case: 'acknowledge', value: { ackToken: '' } } });
  const empty = recordConsume(t, app.urls.grpc, undefined);
  empty.send({});
  const silent = recordConsume(t, app.urls.grpc, undefined);
  silent.halfClose();
  const twice = recordConsume(t, app.urls.grpc, open);
  await twice.hasPartitions(12);
  twice.send({ request: { $case: 'open', value: open } });
  const neither = recordConsume(t, app.urls.grpc, open);
  await neither.signal('started');
  neither.send({});
  for (const stream of [early, empty, silent, twice, neither]) {
    assert.deepEqual(await refusedFields(stream), ['request']);
  }
});

test('a token that is malformed, of another stream, or of a message to come is refused, and acknowledges nothing', async (t) => {
  const { app, produce, watch } = await startGateway(t);
  await produce(orderEvent(), orderEvent());
  const subscription = randomUUID();
  const consume = () => recordConsume(t, app.urls.grpc, { subscription });
  const old = consume();
  await old.received(2);
  const { ackToken: ofOldStream } = old.messages.at(-1)!;
  await old.cancel();
  const watched = watch();
  await watched.signal('caughtUp');
  const tokens = ['', 'nonsense', ofOldStream, watched.token()];
  for (const ackToken of tokens) {
    const stream = consume();
    await stream.received(2);
    stream.send({ request: { $case: 'acknowledge', value: { ackToken } } });
    assert.deepEqual(await refusedFields(stream), ['acknowledge.ack_token'], ackToken);
  }
  const stream = consume();
  const { signal } = await stream.signal('started');
  const streamId = signal?.$case === 'started' ? signal.value.watcherId : assert.fail();
  const ackToken = encodeAckToken({ streamId, messageNumber: 100 });
  stream.send({ request: { $case: 'acknowledge', value: { ackToken } } });
  assert.deepEqual(await refusedFields(stream), ['acknowledge.ack_token']);
  await consume().received(2);
});

test('there are only so many consumers, and a place is free when one has left', async (t) => {
  const { app } = await startGateway(t, { GATEWAY_MAX_CONSUMERS: '1' });
  const consume = () => recordConsume(t, app.urls.grpc, { subscription: randomUUID() });
  const first = consume();
  await first.signal('started');
  const { code, trailer } = await consume().ended;
  assert.equal(code, Status.RESOURCE_EXHAUSTED);
  const { info, retryDelayMs } = decodeErrorDetails(trailer);
  assert.equal(info?.reason, 'TOO_MANY_CONSUMERS');
  assert.ok((retryDelayMs ?? 0) >= 1_000);
  await first.cancel();
  await eventually(async () => {
    const next = consume();
    await Promise.race([next.signal('started'), next.ended.then(({ message }) => assert.fail(message))]);
  });
});
