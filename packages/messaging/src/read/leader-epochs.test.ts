import assert from 'node:assert/strict';
import test from 'node:test';
import { createSimulatedKafka } from '../../testing/simulated-kafka.ts';
import { encodeRecordBatch } from '../wire/record-batch-encoding.ts';
import type { LeaderEpochs } from './leader-epochs.ts';
import { createLogReader } from './log-reader.ts';

const identity = { producerId: '-1', producerEpoch: -1 };

/** A log of ten records, and who reads it up to its newest record. */
function createRead() {
  const kafka = createSimulatedKafka(1);
  const append = (count: number) => {
    for (let name = 0; name < count; name += 1) {
      const record = { key: 'key', value: 'value', headers: {} };
      kafka.append(0, {
        name,
        batch: encodeRecordBatch({ identity, sequence: -1, records: [record], timestampMs: 0 }),
      });
    }
  };
  append(10);
  /** Reads from an offset until the log ends; answers where that was, and where the log was said to be cut. */
  async function read(from: bigint, epochs: LeaderEpochs) {
    const reader = createLogReader({
      ...{ brokers: ['broker:1'], clientId: 'test', topic: kafka.topic, connect: kafka.connect },
      isolation: 'uncommitted',
    });
    const done = new AbortController();
    const cuts: bigint[] = [];
    let next = from;
    const handlers = {
      onBatch(batch: { readonly nextOffset: bigint; readonly highWatermark: bigint }) {
        next = batch.nextOffset;
        if (next === batch.highWatermark) done.abort();
      },
      onAvailable() {},
      onUnavailable() {},
      onOutOfRange(_partition: number, _start: bigint, end: bigint) {
        cuts.push(end);
        return end;
      },
    };
    await reader.follow(new Map([[0, from]]), handlers, done.signal, epochs);
    reader.close();
    return { next, cuts };
  }
  return { kafka, append, read };
}

test('a log that was cut while nobody read it, and has grown past that since, is told by the epochs that were kept', async () => {
  const { kafka, append, read } = createRead();
  const epochs: LeaderEpochs = new Map();
  assert.deepEqual(await read(0n, epochs), { next: 10n, cuts: [] });
  kafka.truncate(0, 6);
  append(8);
  assert.deepEqual(await read(10n, epochs), { next: 14n, cuts: [6n] });
});

test('leaders that have all that was read are no cut, however often they change', async () => {
  const { kafka, append, read } = createRead();
  const epochs: LeaderEpochs = new Map();
  await read(0n, epochs);
  for (const node of [1, 2, 0]) kafka.lead(0, node);
  append(3);
  assert.deepEqual(await read(10n, epochs), { next: 13n, cuts: [] });
  assert.deepEqual([...epochs], [[0, 3]]);
});

test('a cut between two answers is noticed by the leader that refuses the epoch of the one before', async () => {
  const { kafka, append, read } = createRead();
  const epochs: LeaderEpochs = new Map([[0, 0]]);
  kafka.truncate(0, 2);
  append(1);
  kafka.truncate(0, 1);
  append(20);
  assert.deepEqual(await read(10n, epochs), { next: 21n, cuts: [1n] });
});
