import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fetchRequest, type FetchResult, isOutOfRange } from './fetch.ts';

interface PartitionResponse {
  readonly partition: number;
  readonly errorCode?: number;
  readonly data?: Buffer;
}

/** A Fetch response of version 11 for one topic. */
function encodeResponse(partitions: readonly PartitionResponse[], errorCode = 0): Buffer {
  const head = Buffer.alloc(4 + 2 + 4 + 4 + 2 + 1 + 4);
  head.writeInt16BE(errorCode, 4);
  head.writeInt32BE(1, 10); // topics
  head.writeInt16BE(1, 14);
  head.write('t', 16);
  head.writeInt32BE(partitions.length, 17);
  const bodies = partitions.map(({ partition, errorCode: code = 0, data = Buffer.alloc(0) }) => {
    const body = Buffer.alloc(4 + 2 + 8 + 8 + 8 + 4 + 4 + 4);
    body.writeInt32BE(partition, 0);
    body.writeInt16BE(code, 4);
    body.writeBigInt64BE(20n, 6); // high watermark
    body.writeBigInt64BE(3n, 22); // start of the log
    body.writeInt32BE(-1, 30); // no list of aborted transactions
    body.writeInt32BE(data.length, 38);
    return Buffer.concat([body, data]);
  });
  return Buffer.concat([head, ...bodies]);
}

const request = fetchRequest({
  topic: 't',
  positions: new Map([
    [0, 5n],
    [1, 6n],
  ]),
  maxWaitMs: 0,
  maxBytes: 1_000,
  partitionMaxBytes: 1_000,
  isolation: 'committed',
});
const decode = async (payload: Buffer): Promise<FetchResult> => request.response.decode(payload);

test('an empty answer leaves the position where it is', async () => {
  const { batches, failures } = await decode(encodeResponse([{ partition: 0 }]));
  assert.deepEqual(batches, [
    { partition: 0, records: [], nextOffset: 5n, highWatermark: 20n, logStartOffset: 3n },
  ]);
  assert.deepEqual(failures, []);
});

test('a partition that fails, by error code or by its data, does not keep the others from being read', async () => {
  const oldFormat = Buffer.alloc(61);
  oldFormat.writeInt32BE(49, 8);
  for (const failing of [
    { partition: 1, errorCode: 6 },
    { partition: 1, data: oldFormat },
  ]) {
    const { batches, failures } = await decode(encodeResponse([failing, { partition: 0 }]));
    assert.deepEqual(
      batches.map(({ partition }) => partition),
      [0],
    );
    assert.match(
      failures[0]?.error.message ?? '',
      /^partition 1 (of t: NOT_LEADER|cannot be read from offset 6 up to 7: record format 0)/,
    );
  }
});

test('an offset out of range is told apart', async () => {
  const { failures } = await decode(encodeResponse([{ partition: 0, errorCode: 1 }]));
  assert.ok(failures[0] && isOutOfRange(failures[0].error));
});

test('an error of the whole request is thrown', async () => {
  await assert.rejects(decode(encodeResponse([], -1)), { name: 'KafkaProtocolError', code: -1 });
});
