import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LedgerTooLargeError, readLedger } from './ledger.ts';
import type { LogReader } from '../read/log-reader.ts';
import { BatchFault, type BatchFaultKind, UnreadableBatchError } from '../wire/unreadable-batch.ts';

const NEVER = new AbortController().signal;

/** A partition that holds records with these headers. */
function logOf(...headers: Record<string, string>[]): Pick<LogReader, 'read'> {
  return {
    async read(from, to, onBatch) {
      assert.deepEqual(
        [...from, ...to],
        [
          [3, 5n],
          [3, 90n],
        ].flat(0),
      );
      const records = headers.map((fields, index) => ({
        partition: 3,
        offset: 5n + BigInt(index),
        timestampMs: 0,
        key: null,
        value: null,
        headers: Object.fromEntries(
          Object.entries(fields).map(([name, value]) => [name, Buffer.from(value)]),
        ),
      }));
      for (const record of records) {
        await onBatch({
          partition: 3,
          records: [record],
          nextOffset: record.offset + 1n,
          highWatermark: 90n,
          logStartOffset: 0n,
        });
      }
    },
  };
}

const range = { partition: 3, from: 5n, to: 90n };

test('the ids of events and of replays are told apart, and a record without one is passed over', async () => {
  const log = logOf({ ce_id: 'a' }, { ce_id: 'b', replay_id: '7' }, { other: 'x' }, { ce_id: 'a' });
  assert.deepEqual([...(await readLedger(log, range, NEVER)).ids], ['a', 'b/7']);
});

test('a batch that cannot be read and may hold events is an error; one that only others write is passed over', async () => {
  const log = (kind: BatchFaultKind): Pick<LogReader, 'read'> => ({
    async read(from, to, onBatch, signal, onUnreadable) {
      const at = { offset: 5n, nextOffset: 6n };
      onUnreadable?.(new UnreadableBatchError(3, at, new BatchFault(kind, 'it is broken')));
      await logOf({ ce_id: 'a' }).read(from, to, onBatch, signal);
    },
  });
  assert.deepEqual([...(await readLedger(log('too_large'), range, NEVER)).ids], ['a']);
  for (const kind of ['checksum', 'codec', 'format', 'malformed'] as const) {
    await assert.rejects(readLedger(log(kind), range, NEVER), {
      name: 'LedgerUnreadableError',
      message: 'what was published to partition 3 cannot be read from offset 5 up to 6: it is broken',
    });
  }
});

test('a ledger too large to keep in mind is an error that says so', async () => {
  const log = logOf({ ce_id: 'a' }, { ce_id: 'b' }, { ce_id: 'c' });
  assert.equal((await readLedger(log, range, NEVER, 3)).ids.size, 3);
  await assert.rejects(readLedger(log, range, NEVER, 2), LedgerTooLargeError);
});
