import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requests } from 'kafkajs/src/protocol/requests/index.js';
import { encodeFetch } from './fetch-encoding.ts';

test('a Fetch has the bytes that kafkajs would write', async () => {
  for (const positions of [
    new Map<number, bigint>(),
    new Map([
      [0, 0n],
      [11, 2n ** 53n + 1n],
      [70_000, 2n ** 62n],
    ]),
  ]) {
    const query = {
      topic: 'orders.évents',
      positions,
      maxWaitMs: 250,
      maxBytes: 8 * 1024 * 1024,
      partitionMaxBytes: 256 * 1024,
      isolationLevel: 1,
    };
    const partitions = [...positions].map(([partition, fetchOffset]) => ({
      partition,
      fetchOffset,
      maxBytes: query.partitionMaxBytes,
    }));
    const { request } = requests.Fetch.protocol({ version: 11 })({
      maxWaitTime: query.maxWaitMs,
      minBytes: 1,
      maxBytes: query.maxBytes,
      isolationLevel: query.isolationLevel,
      topics: [{ topic: query.topic, partitions }],
    });
    const { buffer } = await request.encode();
    assert.deepEqual(encodeFetch(query), Buffer.from(buffer));
  }
});
