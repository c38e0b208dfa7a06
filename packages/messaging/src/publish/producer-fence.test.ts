import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AskCoordinator } from '../group/coordinator-client.ts';
import { fencePartition } from './producer-fence.ts';
import { ERROR_CODE, KafkaProtocolError } from '../wire/protocol-error.ts';

const TARGET = { transactionalId: 'id', topic: 'topic', partition: 0 };
/** Where InitProducerId has its time-out, behind the tags and the id with its length. */
const TIMEOUT_AT = 1 + 1 + TARGET.transactionalId.length;

/** A coordinator that allows transactions of `mostMs`. */
function coordinator(mostMs: number): { ask: AskCoordinator; timeouts: number[] } {
  const timeouts: number[] = [];
  const ask: AskCoordinator = async ({ request }) => {
    if (request.apiName === 'InitProducerId') {
      const timeoutMs = (await request.encode()).buffer.readInt32BE(TIMEOUT_AT);
      timeouts.push(timeoutMs);
      if (timeoutMs > mostMs)
        throw new KafkaProtocolError(ERROR_CODE.INVALID_TRANSACTION_TIMEOUT, 'InitProducerId of id');
    }
    return { errorCode: 0, producerId: '7', producerEpoch: 1 } as never;
  };
  return { ask, timeouts };
}

test('where brokers allow only short transactions, a short one fences', async () => {
  const { ask, timeouts } = coordinator(5_000);
  assert.deepEqual(await fencePartition(ask, TARGET), { producerId: '7', producerEpoch: 1 });
  assert.deepEqual(timeouts, [10_000, 1_000, 1_000]);
});

test('where they allow less than that, the setting is named', async () => {
  await assert.rejects(
    fencePartition(coordinator(500).ask, TARGET),
    /set transaction\.max\.timeout\.ms .* at least 1000/,
  );
});
