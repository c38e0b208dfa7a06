import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { FollowHandlers, LogReader } from '@order-events/messaging';
import { keyHash } from '@order-events/messaging/key-hash';
import { createLogger } from '@order-events/runtime';
import { eventually } from '../../../../test/harness/eventually.ts';
import { type CanaryOptions, createCanary } from './canary.ts';
import type { CanaryEvent } from './canary-writer.ts';

const PARTITIONS = 3;

/** A way from insert to topic whose records appear when the test lets them. */
async function setup(t: TestContext, fields: Partial<CanaryOptions> = {}) {
  const sent: CanaryEvent[] = [];
  const opened: string[] = [];
  const outcomes = { arrived: 0, lost: 0 };
  let deliver = (_eventId: string): void => {};
  const openReader = () => {
    opened.push('reader');
    return {
      describe: async () => ({ topicId: '', partitionCount: PARTITIONS }),
      offsets: async (_at: unknown, partitions: number[]) => new Map(partitions.map((one) => [one, 5n])),
      follow: (_from: unknown, { onBatch }: FollowHandlers, signal: AbortSignal) =>
        new Promise<void>((resolve) => {
          if (signal.aborted) return resolve();
          deliver = (eventId) =>
            void onBatch({ records: [{ headers: { ce_id: Buffer.from(eventId) } }] } as never);
          signal.addEventListener('abort', () => resolve(), { once: true });
        }),
      close: () => {},
    } as unknown as LogReader;
  };
  const canary = createCanary({
    insert: async (event) => {
      sent.push(event);
    },
    openReader,
    isRunning: () => true,
    onArrived: () => (outcomes.arrived += 1),
    onLost: () => (outcomes.lost += 1),
    log: createLogger({ service: 'test', level: 'silent' }),
    intervalMs: 1,
    lostAfterMs: 5_000,
    ...fields,
  });
  await canary.start(new AbortController().signal);
  t.after(() => canary.stop());
  return { canary, sent, opened, outcomes, deliver: (eventId: string) => deliver(eventId) };
}

const partitionOf = ({ key }: CanaryEvent) => keyHash(key) % PARTITIONS;

test('one canary is on its way at a time, through one partition after the other', async (t) => {
  const { canary, sent, outcomes, deliver } = await setup(t);
  for (let number = 1; number <= PARTITIONS; number++) {
    await eventually(() => assert.equal(sent.length, number));
    assert.equal(outcomes.arrived, number - 1);
    deliver("somebody else's");
    deliver(sent[number - 1]!.eventId);
  }
  await eventually(() => assert.equal(outcomes.arrived, PARTITIONS));
  assert.deepEqual(sent.slice(0, PARTITIONS).map(partitionOf), [0, 1, 2]);
  assert.ok((canary.reading().lastSeconds ?? -1) >= 0);
  assert.equal(outcomes.lost, 0);
});

test('a partition that does not run is left out', async (t) => {
  const { sent, deliver } = await setup(t, { isRunning: (partition) => partition === 1 });
  for (let number = 1; number <= 2; number++) {
    await eventually(() => assert.equal(sent.length, number));
    deliver(sent[number - 1]!.eventId);
  }
  assert.deepEqual(sent.map(partitionOf), [1, 1]);
});

test('what does not arrive is given up, and the waiting goes on over all that are lost', async (t) => {
  const { canary, outcomes, opened } = await setup(t, { lostAfterMs: 30 });
  await eventually(() => assert.ok(outcomes.lost >= 3));
  assert.ok(canary.reading().waitingSeconds >= 0.09);
  assert.ok(opened.length >= 3);
  assert.equal(outcomes.arrived, 0);
});

test('a database that is away loses the canary, and nothing else', async (t) => {
  let away = true;
  const { canary, outcomes, sent, deliver } = await setup(t, {
    insert: async (event) => {
      if (away) throw new Error('away');
      sent.push(event);
    },
  });
  await eventually(() => assert.ok(outcomes.lost >= 1));
  away = false;
  await eventually(() => assert.equal(sent.length, 1));
  deliver(sent[0]!.eventId);
  await eventually(() => assert.equal(outcomes.arrived, 1));
  assert.ok(canary.reading().lastSeconds !== undefined);
});
