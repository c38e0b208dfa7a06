import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextSequence, produceRequest } from './produce.ts';

test('the sequence wraps to 0 at 2^31', () => {
  assert.equal(nextSequence(0, 200), 200);
  assert.equal(nextSequence(2 ** 31 - 5, 4), 2 ** 31 - 1);
  assert.equal(nextSequence(2 ** 31 - 5, 5), 0);
  assert.equal(nextSequence(2 ** 31 - 5, 8), 3);
});

test('a request that is sent again is the same bytes, whatever the time', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_000 });
  const { request } = produceRequest({
    topic: 't',
    partition: 0,
    identity: { producerId: '7', producerEpoch: 3 },
    sequence: 9,
    records: [{ key: 'k', value: 'v', headers: { ce_id: '1' } }],
    timeoutMs: 100,
  });
  const first = (await request.encode()).buffer;
  t.mock.timers.tick(60_000);
  assert.deepEqual((await request.encode()).buffer, first);
});
