import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createKafkaPublisher, type KafkaPublisher } from '@order-events/messaging';
import pg from 'pg';
import { retryingWithNewSequence, withoutLedger } from '../../apps/relay/testing/faulty-publishers.ts';
import { createHotOrders, runWriters } from '../../apps/relay/testing/outbox-workload.ts';
import { startUnleasedOwner, type UnleasedOwner } from '../../apps/relay/testing/unleased-owner.ts';
import { epochOnly, noFence, noSecondInit } from '../../packages/messaging/testing/faulty-fences.ts';
import { createTestDatabase, createTestTopic } from '../harness/index.ts';
import { assertOutboxPublished, auditRecords, committedRecords } from '../harness/record-audit.ts';

const ORDERS = 10;
const WRITERS = 6;
const MAX_BETWEEN_INTERRUPTIONS_MS = 120;
const SOUND_MS = 6_000;
const MUTANT_DEADLINE_MS = 45_000;

type Mutation = (config: Parameters<typeof createKafkaPublisher>[0]) => KafkaPublisher;

/** Two owners at work on one partition, each of which believes that it is the only one, and writers that give them work. */
async function startContention(t: TestContext, mutation: Mutation, owners = 2) {
  const { url: databaseUrl } = await createTestDatabase(t);
  const { brokers, topic } = await createTestTopic(t, { partitions: 1 });
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 6 });
  const orderIds = await createHotOrders(pool, ORDERS);
  const publishers = Array.from({ length: owners }, (_, index) =>
    mutation({ brokers, topic, clientId: `owner-${index}`, transactionalIdPrefix: topic }),
  );
  const contenders = publishers.map((publisher) =>
    startUnleasedOwner(pool, publisher, { cursor: { snapshot: '3:3:' }, logOffset: 0n }),
  );
  const stop = new AbortController();
  const writing = runWriters(databaseUrl, orderIds, WRITERS, stop.signal, { paceMs: 10 });
  const interrupting = interruptUntil(stop.signal, contenders);
  const stopWriters = async () => {
    stop.abort();
    await Promise.all([writing, interrupting]);
  };
  t.after(async () => {
    await stopWriters();
    await Promise.all(contenders.map((owner) => owner.stop()));
    await Promise.all(publishers.map((publisher) => publisher.close()));
    await pool.end();
  });
  return { system: { databaseUrl, brokers, topic }, contenders, stopWriters };
}

async function interruptUntil(stop: AbortSignal, owners: readonly UnleasedOwner[]): Promise<void> {
  while (!stop.aborted) {
    await pause(Math.random() * MAX_BETWEEN_INTERRUPTIONS_MS);
    owners[Math.floor(Math.random() * owners.length)]?.interrupt();
  }
}

test('two owners of one partition, and no lease between them, publish each event once and in order', async (t) => {
  const { system, contenders, stopWriters } = await startContention(t, createKafkaPublisher);
  await pause(SOUND_MS);
  await stopWriters();
  const events = await assertOutboxPublished(system);
  const claims = contenders.map((owner) => owner.claims());
  t.diagnostic(`${events} events, the owners claimed the partition ${claims.join(' and ')} times`);
  for (const count of claims) assert.ok(count > 5, `an owner claimed the partition only ${count} times`);
});

const MUTANTS: Record<string, { readonly mutation: Mutation; readonly owners?: number }> = {
  'no fence': { mutation: (config) => createKafkaPublisher({ ...config, fence: noFence }) },
  'a fence of a new epoch only': {
    mutation: (config) => createKafkaPublisher({ ...config, fence: epochOnly }),
  },
  'a fence that does not wait for its marker': {
    mutation: (config) => createKafkaPublisher({ ...config, fence: noSecondInit }),
  },
  'no ledger': { mutation: (config) => withoutLedger(createKafkaPublisher(config)) },
  // Alone: what is wrong with it needs no second owner.
  'a retry with a new sequence': {
    mutation: (config) => retryingWithNewSequence(createKafkaPublisher(config)),
    owners: 1,
  },
};

for (const [name, { mutation, owners }] of Object.entries(MUTANTS)) {
  test(`the same finds ${name} out`, async (t) => {
    const { system } = await startContention(t, mutation, owners);
    const startMs = performance.now();
    for (;;) {
      await pause(500);
      const audit = await auditRecords(system, await committedRecords(system.databaseUrl));
      const afterMs = Math.round(performance.now() - startMs);
      if (audit.duplicated > 0) {
        t.diagnostic(`${audit.duplicated} duplicates after ${afterMs} ms`);
        return;
      }
      assert.ok(afterMs < MUTANT_DEADLINE_MS, 'the mutant was not found out');
    }
  });
}
