import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { createFakeCluster, type FakeCluster, receivedBatches } from '../../testing/fake-cluster.ts';
import type { Judgement } from './append-result.ts';
import { deliverBatch } from './batch-delivery.ts';
import { attemptFailed, type ProduceAttempt } from './produce-attempt.ts';
import { ERROR_CODE } from '../wire/protocol-error.ts';

const PARTITION = 2;
const NEVER = new AbortController().signal;

const answer = (errorCode: number, baseOffset = -1n) => new Map([[PARTITION, { errorCode, baseOffset }]]);
const answered = (errorCode: number, baseOffset = -1n): ProduceAttempt => ({
  kind: 'answered',
  answer: { errorCode, baseOffset },
});
const lost = attemptFailed(new Error('the connection broke'), true);
const unsent = attemptFailed(new Error('no connection'), false);

function deliver(
  cluster: FakeCluster,
  first: ProduceAttempt,
  signal = NEVER,
): { retries: string[]; result: Promise<Judgement> } {
  const retries: string[] = [];
  const result = deliverBatch({
    cluster,
    partition: PARTITION,
    batch: Buffer.from('batch'),
    timeoutMs: 4_000,
    first: () => Promise.resolve(first),
    onRetry: (error) => retries.push(error.message),
    signal,
  });
  return { retries, result };
}

test('a first attempt with an answer is all', async () => {
  const cluster = createFakeCluster([0, 0, 0]);
  const { result, retries } = deliver(cluster, answered(0, 7n));
  assert.deepEqual(await result, { kind: 'appended', baseOffset: 7n });
  assert.deepEqual(retries, []);
  assert.equal(cluster.connections(), 0);
});

test('the same bytes are sent again, alone, to whoever leads by then, until they are acknowledged', async () => {
  const cluster = createFakeCluster([0, 0, 0]);
  const { result, retries } = deliver(cluster, lost);
  const one = await cluster.nextRequest();
  one.answer(answer(ERROR_CODE.NOT_ENOUGH_REPLICAS));
  const two = await cluster.nextRequest();
  cluster.lead(PARTITION, 1);
  two.answer(answer(ERROR_CODE.NOT_LEADER_OR_FOLLOWER));
  const three = await cluster.nextRequest();
  three.fail(new Error('no answer in time'));
  const four = await cluster.nextRequest();
  four.answer(answer(0, 9n));

  assert.deepEqual(await result, { kind: 'appended', baseOffset: 9n });
  assert.deepEqual([one.node, two.node, three.node, four.node], [0, 0, 1, 1]);
  for (const { body } of [one, two, three, four]) {
    assert.deepEqual(receivedBatches(body), { timeoutMs: 4_000, batches: { [PARTITION]: 'batch' } });
  }
  assert.equal(cluster.connections(), 3, 'kept for the same leader, replaced after a failure');
  assert.equal(cluster.closedConnections(), 2, 'none is left behind');
  assert.equal(retries.length, 4);
  assert.equal(getEventListeners(NEVER, 'abort').length, 0);
});

test('a refusal counts only when no earlier attempt can have been appended', async () => {
  const cluster = createFakeCluster([0, 0, 0]);
  assert.equal((await deliver(cluster, answered(ERROR_CODE.MESSAGE_TOO_LARGE)).result).kind, 'refused');
  const afterNothing = deliver(cluster, unsent);
  (await cluster.nextRequest()).answer(answer(ERROR_CODE.MESSAGE_TOO_LARGE));
  assert.equal((await afterNothing.result).kind, 'refused');
  const afterSilence = deliver(cluster, lost);
  (await cluster.nextRequest()).answer(answer(ERROR_CODE.MESSAGE_TOO_LARGE));
  assert.equal((await afterSilence.result).kind, 'unknown');
});

test('another epoch or a lost sequence is unknown and never sent again', async () => {
  const cluster = createFakeCluster([0, 0, 0]);
  const finals = [
    ERROR_CODE.INVALID_PRODUCER_EPOCH,
    ERROR_CODE.PRODUCER_FENCED,
    ERROR_CODE.OUT_OF_ORDER_SEQUENCE_NUMBER,
    ERROR_CODE.UNKNOWN_PRODUCER_ID,
  ];
  for (const code of finals) {
    const { result, retries } = deliver(cluster, answered(code));
    assert.equal((await result).kind, 'unknown');
    assert.deepEqual(retries, []);
  }
});

test('an abort ends it: unsent when nothing went out, else unknown', async () => {
  const cluster = createFakeCluster([0, 0, 0]);
  cluster.refuseConnections(true);
  const before = new AbortController();
  const nothingSent = deliver(cluster, unsent, before.signal);
  before.abort();
  assert.deepEqual(await nothingSent.result, { kind: 'unsent' });

  cluster.refuseConnections(false);
  const during = new AbortController();
  const underWay = deliver(cluster, lost, during.signal);
  (await cluster.nextRequest()).fail(new Error('no answer'));
  during.abort();
  assert.deepEqual(await underWay.result, { kind: 'unknown', reason: 'no answer' });
});

test('closing the cluster ends it as well', async () => {
  const cluster = createFakeCluster([0, 0, 0]);
  cluster.refuseConnections(true);
  const { result } = deliver(cluster, unsent);
  cluster.close();
  assert.deepEqual(await result, { kind: 'unsent' });
});
