import assert from 'node:assert/strict';
import test from 'node:test';
import { UnreadableBatchError } from '@order-events/messaging';
import { BatchFault } from '../../../../packages/messaging/src/wire/unreadable-batch.ts';
import { createUnreadableBatches } from './unreadable-batches.ts';

test('a batch that cannot be read is counted once, and one at its place in another log as well', () => {
  let [counted, epoch] = [0, 1];
  const tell = createUnreadableBatches(
    { batchUnreadable: () => (counted += 1) },
    { error: () => {} },
    () => epoch,
  );
  const batch = new UnreadableBatchError(
    0,
    { offset: 5n, nextOffset: 8n },
    new BatchFault('checksum', 'another checksum'),
  );
  tell(batch);
  tell(batch);
  assert.equal(counted, 1);
  epoch = 2;
  tell(batch);
  assert.equal(counted, 2);
});
