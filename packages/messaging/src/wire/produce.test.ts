import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requests } from 'kafkajs/src/protocol/requests/index.js';
import { nextSequence, produceRequest } from './produce.ts';

test('the sequence wraps to 0 at 2^31', () => {
  assert.equal(nextSequence(0, 200), 200);
  assert.equal(nextSequence(2 ** 31 - 5, 4), 2 ** 31 - 1);
  assert.equal(nextSequence(2 ** 31 - 5, 5), 0);
  assert.equal(nextSequence(2 ** 31 - 5, 8), 3);
});

test('the answer speaks of each partition by itself', async () => {
  const answer = Buffer.concat([
    Buffer.from('00000001' + '0001' + Buffer.from('t').toString('hex') + '00000002', 'hex'),
    Buffer.from('00000005' + '0000' + '0000000100000002' + 'ffffffffffffffff' + '0000000000000000', 'hex'),
    Buffer.from('00000007' + '0006' + 'ffffffffffffffff' + 'ffffffffffffffff' + 'ffffffffffffffff', 'hex'),
    Buffer.from('00000000', 'hex'),
  ]);
  const { response } = produceRequest({ topic: 't', batches: [], timeoutMs: 100 });
  const answers = await response.decode(answer);
  assert.deepEqual(
    [...answers],
    [
      [5, { errorCode: 0, baseOffset: 0x100000002n }],
      [7, { errorCode: 6, baseOffset: -1n }],
    ],
  );
  const theirs = await requests.Produce.protocol({ version: 7 })({
    acks: -1,
    timeout: 100,
    producerId: '1',
    producerEpoch: 0,
    topicData: [],
  }).response.decode(answer);
  assert.deepEqual(
    theirs.topics[0]?.partitions.map(({ partition, errorCode, baseOffset }) => [
      partition,
      { errorCode, baseOffset: BigInt(baseOffset) },
    ]),
    [...answers],
  );
  assert.throws(() => response.decode(answer.subarray(0, 40)), RangeError);
});
