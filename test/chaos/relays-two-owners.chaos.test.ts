import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createKafkaPublisher, type KafkaPublisher } from '@order-events/messaging';
import pg from 'pg';
import { retryingWithNewSequence } from '../../apps/relay/testing/retrying-publisher.ts';
import { createHotOrders, runWriters } from '../../packages/outbox/testing/outbox-workload.ts';
import { startUnleasedOwner, type UnleasedOwner } from '../../apps/relay/testing/unleased-owner.ts';
import { withIdOfItsOwn, withoutFence, withoutLedger } from '../../packages/messaging/testing/mutants.ts';
import type { Fence } from '../../packages/messaging/src/publish/producer-fence.ts';
import { createTestDatabase, createTestTopic, eventually } from '../harness/index.ts';
import { assertOutboxPublished, auditRecords, committedRecords } from '../harness/record-audit.ts';

const PARTITIONS = 4;
/** So many that no partition is without one. */
const ORDERS = 60;
const WRITERS = 6;
const MAX_BETWEEN_INTERRUPTIONS_MS = 40;
const INTERRUPTION_EACH_MS = 500;
/** Of each owner. */
const CLAIMS = 10;
const DEADLINE_MS = 60_000;

type Mutation = (config: Parameters<typeof createKafkaPublisher>[0]) => KafkaPublisher;

/** Two owners of each partition, each of which believes that it is the only one, and writers that give them work. */
async function startContention(t: TestContext, mutation: Mutation, owners = 2) {
  const { url: databaseUrl } = await createTestDatabase(t);
  const { brokers, topic } = await createTestTopic(t, { partitions: PARTITIONS });
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 6 });
  const orderIds = await createHotOrders(pool, ORDERS);
  const publishers = Array.from({ length: owners }, (_, index) =>
    mutation({ brokers, topic, clientId: `owner-${index}`, transactionalIdPrefix: topic }),
  );
  const contenders = publishers.flatMap((publisher) =>
    Array.from({ length: PARTITIONS }, (_, partition) =>
      startUnleasedOwner({ pool, publisher, partition, partitionCount: PARTITIONS }),
    ),
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

/** An owner is interrupted a little after it has claimed its partition anew; one that does not, every now and then. */
async function interruptUntil(stop: AbortSignal, owners: readonly UnleasedOwner[]): Promise<void> {
  const interrupted = new Map<UnleasedOwner, { claims: number; atMs: number }>();
  while (!stop.aborted) {
    await pause(Math.random() * MAX_BETWEEN_INTERRUPTIONS_MS);
    const nowMs = performance.now();
    const ready = owners.filter((owner) => {
      const last = interrupted.get(owner);
      return owner.claims() > (last?.claims ?? 0) || (last && nowMs - last.atMs > INTERRUPTION_EACH_MS);
    });
    const owner = ready[Math.floor(Math.random() * ready.length)];
    owner?.interrupt();
    if (owner) interrupted.set(owner, { claims: owner.claims(), atMs: nowMs });
  }
}

test('two owners of each partition, and no lease between them, publish each event once and in order', async (t) => {
  const { system, contenders, stopWriters } = await startContention(t, createKafkaPublisher);
  const claims = () => contenders.map((owner) => owner.claims());
  await eventually(() => assert.ok(Math.min(...claims()) >= CLAIMS), { patienceMs: DEADLINE_MS });
  await stopWriters();
  const events = await assertOutboxPublished(system);
  t.diagnostic(`${events} events, the owners claimed their partitions ${claims().join(', ')} times`);
});

const fencedBy =
  (fence: Fence): Mutation =>
  (config) =>
    createKafkaPublisher({ ...config, fence });

const MUTANTS: Record<string, { readonly mutation: Mutation; readonly owners?: number }> = {
  'no fence': { mutation: fencedBy(withIdOfItsOwn) },
  'a fence of a new epoch only': { mutation: fencedBy(withoutFence) },
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
      assert.ok(afterMs < DEADLINE_MS, 'the mutant was not found out');
    }
  });
}
