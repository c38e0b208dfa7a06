import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { createHotOrders, runWriters } from '../../packages/outbox/testing/outbox-workload.ts';
import { createTestDatabase, createTestTopic } from '../harness/index.ts';
import { assertOutboxPublished } from '../harness/record-audit.ts';
import { disturbRelays } from '../harness/relay-disturbance.ts';
import { chooseSeed, createRandom } from '../harness/seeded-random.ts';

/** For soak runs: CHAOS_SECONDS=600; to repeat the choices of a run that failed: CHAOS_SEED. */
const SECONDS = Number(process.env['CHAOS_SECONDS'] ?? 40);
const SEED = chooseSeed(process.env['CHAOS_SEED']);
const PARTITIONS = 12;
const LEASE_MS = 2_000;
const PRODUCE_TIMEOUT_MS = 700;
const ORDERS = 40;
const WRITERS = 16;
const MAX_STEP_MS = 1_200;

const title =
  'whatever happens to one to four relays, each committed event is in the topic once and in order per order';

test(title, async (t) => {
  t.diagnostic(`CHAOS_SEED=${SEED}, ${SECONDS} s`);
  const random = createRandom(SEED);
  const { url: databaseUrl } = await createTestDatabase(t);
  const { brokers, topic } = await createTestTopic(t);
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 4 });
  t.after(() => pool.end());
  const env = {
    DATABASE_URL: databaseUrl,
    KAFKA_BROKERS: brokers.join(','),
    KAFKA_TOPIC: topic,
    LOG_LEVEL: 'debug',
    RELAY_LEASE_MS: String(LEASE_MS),
    RELAY_PRODUCE_TIMEOUT_MS: String(PRODUCE_TIMEOUT_MS),
  };
  const orderIds = await createHotOrders(pool, ORDERS);
  const stop = new AbortController();
  t.after(() => stop.abort());
  const writing = runWriters(databaseUrl, orderIds, WRITERS, stop.signal, {
    random: random.fork().next,
    paceMs: 60,
    prepared: 6,
  });
  const relays = disturbRelays(t, {
    env,
    pool,
    random: random.fork(),
    leaseMs: LEASE_MS,
    partitions: PARTITIONS,
  });
  try {
    const endMs = performance.now() + SECONDS * 1000;
    while (performance.now() < endMs) {
      relays.step();
      await pause(random.below(MAX_STEP_MS));
    }
    stop.abort();
    await writing;
    await relays.settle();
    const events = await assertOutboxPublished({ databaseUrl, brokers, topic });
    await relays.end();
    // Nor has a relay that was woken or stopped late published anything since.
    await assertOutboxPublished({ databaseUrl, brokers, topic });
    t.diagnostic(`${events} events, ${JSON.stringify(relays.counts)}`);
    assert.ok(events > SECONDS * 50, `too little load to prove anything: ${events} events`);
  } catch (error) {
    const logs = await relays.writeLogs();
    throw new Error(`CHAOS_SEED=${SEED}, the relays' logs are in ${logs}: ${String(error)}`, {
      cause: error,
    });
  }
});
