import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { createFakeCluster, receivedBatches } from '../../testing/fake-cluster.ts';
import { createGroupedProduce } from './grouped-produce.ts';

const NEVER = new AbortController().signal;
const LEADERS = [0, 0, 0, 1];

const batch = (text: string) => Buffer.from(text);
const answers = (...partitions: number[]) =>
  new Map(partitions.map((partition) => [partition, { errorCode: 0, baseOffset: BigInt(partition) }]));
const answered = (partition: number) => ({
  kind: 'answered',
  answer: { errorCode: 0, baseOffset: BigInt(partition) },
});

test('what is given in one turn, or while a request is under way, goes together', async () => {
  const cluster = createFakeCluster(LEADERS);
  const { send } = createGroupedProduce(cluster, 700);
  const first = [send(0, batch('a0'), NEVER), send(2, batch('a2'), NEVER)];
  const one = await cluster.nextRequest();
  assert.deepEqual(receivedBatches(one.body), { timeoutMs: 700, batches: { 0: 'a0', 2: 'a2' } });

  const alone = send(1, batch('b1'), NEVER);
  one.answer(answers(2, 0));
  assert.deepEqual(await Promise.all(first), [answered(0), answered(2)]);
  const two = await cluster.nextRequest();
  assert.deepEqual(receivedBatches(two.body).batches, { 1: 'b1' });
  const more = [send(2, batch('c2'), NEVER), send(0, batch('c0'), NEVER)];
  two.answer(answers(1));
  await alone;
  const three = await cluster.nextRequest();
  assert.deepEqual(receivedBatches(three.body).batches, { 0: 'c0', 2: 'c2' });
  three.answer(answers(0, 2));
  await Promise.all(more);
  assert.equal(cluster.connections(), 1);
});

test('each leader has requests of its own, under way at the same time', async () => {
  const cluster = createFakeCluster(LEADERS);
  const { send } = createGroupedProduce(cluster, 700);
  const sent = [send(0, batch('a0'), NEVER), send(3, batch('a3'), NEVER)];
  const requests = [await cluster.nextRequest(), await cluster.nextRequest()];
  assert.deepEqual(
    requests.map(({ node, body }) => [node, receivedBatches(body).batches]),
    [
      [0, { 0: 'a0' }],
      [1, { 3: 'a3' }],
    ],
  );
  requests[1]!.answer(answers(3));
  assert.deepEqual(await sent[1], answered(3));
  requests[0]!.answer(answers(0));
  await sent[0];
});

test('a request is bounded, except for a batch that is larger alone', async () => {
  const cluster = createFakeCluster(LEADERS);
  const { send } = createGroupedProduce(cluster, 700);
  const megabytes = (count: number) => Buffer.alloc(count * 1024 * 1024);
  const sent = [send(0, megabytes(9), NEVER), send(1, megabytes(5), NEVER), send(2, megabytes(4), NEVER)];
  for (const partition of [0, 1, 2]) {
    const request = await cluster.nextRequest();
    assert.deepEqual(Object.keys(receivedBatches(request.body).batches), [String(partition)]);
    request.answer(answers(partition));
  }
  await Promise.all(sent);
});

test('a partition that the answer leaves out has failed, alone', async () => {
  const cluster = createFakeCluster(LEADERS);
  const { send } = createGroupedProduce(cluster, 700);
  const [good, bad] = [send(0, batch('a'), NEVER), send(1, batch('b'), NEVER)];
  (await cluster.nextRequest()).answer(answers(0));
  assert.deepEqual(await good, answered(0));
  const attempt = await bad;
  assert.ok(attempt.kind === 'failed' && attempt.sent);
  assert.match(attempt.error.message, /nothing for partition 1/);
});

test('an abort takes back what waits, ends the waiting for what is under way, and leaves no listener', async () => {
  const cluster = createFakeCluster(LEADERS);
  const { send } = createGroupedProduce(cluster, 700);
  const abort = new AbortController();
  const others = [send(0, batch('a0'), NEVER)];
  const underWay = send(1, batch('a1'), abort.signal);
  const one = await cluster.nextRequest();
  const waiting = send(2, batch('a2'), abort.signal);
  await new Promise(setImmediate);
  abort.abort();

  const [sent, unsent] = [await underWay, await waiting];
  assert.ok(sent.kind === 'failed' && sent.sent);
  assert.ok(unsent.kind === 'failed' && !unsent.sent);
  const late = await send(0, batch('late'), abort.signal);
  assert.ok(late.kind === 'failed' && !late.sent);
  others.push(send(0, batch('b0'), NEVER));
  one.answer(answers(0, 1));
  const two = await cluster.nextRequest();
  assert.deepEqual(receivedBatches(two.body).batches, { 0: 'b0' });
  two.answer(answers(0));
  assert.deepEqual(await Promise.all(others), [answered(0), answered(0)]);
  assert.equal(getEventListeners(abort.signal, 'abort').length, 0);
  assert.equal(getEventListeners(NEVER, 'abort').length, 0);
});

test('what is taken back while the connection is made is not sent', async () => {
  const cluster = createFakeCluster(LEADERS);
  const { send } = createGroupedProduce(cluster, 700);
  const [connecting, connected] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  cluster.onConnect(() => {
    connecting.resolve();
    return connected.promise;
  });
  const abort = new AbortController();
  const [takenBack, other] = [send(0, batch('a0'), abort.signal), send(1, batch('a1'), NEVER)];
  await connecting.promise;
  abort.abort();
  const attempt = await takenBack;
  assert.ok(attempt.kind === 'failed' && !attempt.sent);
  connected.resolve();
  const request = await cluster.nextRequest();
  assert.deepEqual(receivedBatches(request.body).batches, { 1: 'a1' });
  request.answer(answers(1));
  await other;
});

test('a connection that fails is replaced; what was on it may have arrived, what waited has not', async () => {
  const cluster = createFakeCluster(LEADERS);
  const { send } = createGroupedProduce(cluster, 700);
  const underWay = send(0, batch('a'), NEVER);
  const one = await cluster.nextRequest();
  const waiting = send(1, batch('b'), NEVER);
  cluster.refuseConnections(true);
  one.fail(new Error('no answer in time'));
  const attempt = await underWay;
  assert.ok(attempt.kind === 'failed' && attempt.sent);
  const unsent = await waiting;
  assert.ok(unsent.kind === 'failed' && !unsent.sent);

  cluster.refuseConnections(false);
  const again = send(1, batch('b'), NEVER);
  (await cluster.nextRequest()).answer(answers(1));
  assert.deepEqual(await again, answered(1));
});

test('a partition without a leader fails at once', async () => {
  const { send } = createGroupedProduce(createFakeCluster(LEADERS), 700);
  const attempt = await send(9, batch('a'), NEVER);
  assert.ok(attempt.kind === 'failed' && !attempt.sent);
});
