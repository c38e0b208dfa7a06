import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { keyHash } from '@order-events/messaging';
import pg from 'pg';
import { createTestDatabase, createTestTopic, eventually } from '../harness/index.ts';
import { assertTopicRecords, committedRecords } from '../harness/record-audit.ts';
import { disturbRelays, type RelayDisturbance } from '../harness/relay-disturbance.ts';
import { chooseSeed, createRandom } from '../harness/seeded-random.ts';
import { alterTopic } from '../harness/topic-settings.ts';

const SEED = chooseSeed(process.env['CHAOS_SEED']);
const PARTITIONS = 3;
const LEASE_MS = 1_500;
const LIMIT_BYTES = 20_000;
const KEYS = Array.from({ length: 12 }, (_, index) => `order-${index}`);
/** Each has an event in its middle that is larger than the topic takes. */
const POISONED = KEYS.filter((_, index) => index % 3 === 0);
const POISON_VERSION = 500;
const VERSIONS = 1_500;
/** A relay needs about a second to start, and the lease of a killed one to run out. */
const MAX_BETWEEN_KILLS_MS = 2_500;

/** Whether the stored cursors lie behind every event. */
const ALL_IS_COVERED = `NOT EXISTS (SELECT FROM outbox JOIN relay_partition ON partition = key_hash % ${PARTITIONS}
  WHERE NOT pg_visible_in_snapshot(xid, cursor))`;

/** Shares of a replay's events that are published when the relays are killed. */
const KILL_AT = [0.1, 0.3, 0.5, 0.8];

async function setUp(t: TestContext, topicConfig: Record<string, string> = {}) {
  const { url: databaseUrl } = await createTestDatabase(t);
  const { brokers, topic } = await createTestTopic(t, { partitions: PARTITIONS, config: topicConfig });
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 4 });
  t.after(() => pool.end());
  const env = {
    DATABASE_URL: databaseUrl,
    KAFKA_BROKERS: brokers.join(','),
    KAFKA_TOPIC: topic,
    LOG_LEVEL: 'debug',
    RELAY_LEASE_MS: String(LEASE_MS),
    RELAY_PRODUCE_TIMEOUT_MS: '500',
  };
  const relays = disturbRelays(t, {
    ...{ env, pool, leaseMs: LEASE_MS, partitions: PARTITIONS },
    random: createRandom(SEED),
    disturbances: ['join', 'kill'],
  });
  t.diagnostic(`CHAOS_SEED=${SEED}`);
  return { pool, relays, system: { databaseUrl, brokers, topic } };
}

/** Events of every key, version by version; those at `POISON_VERSION` of some keys are larger than the topic takes. */
async function insertVersions(pool: pg.Pool, from: number, to: number): Promise<void> {
  await pool.query(
    `INSERT INTO outbox (key, key_hash, event_id, event_type, payload)
     SELECT key, hash, gen_random_uuid(), 'order.updated', json_build_object('version', version, 'filling',
       repeat('x', CASE WHEN version = ${POISON_VERSION} AND key = ANY($5::text[]) THEN ${LIMIT_BYTES} ELSE 10 END))
     FROM generate_series($1::int, $2::int) AS version CROSS JOIN unnest($3::text[], $4::int[]) AS orders (key, hash)
     ORDER BY version`,
    [from, to, KEYS, KEYS.map(keyHash), POISONED],
  );
}

async function isTrue(pool: pg.Pool, condition: string): Promise<boolean> {
  const { rows } = await pool.query<{ holds: boolean }>(`SELECT ${condition} AS holds`);
  return rows[0]?.holds === true;
}

/** Kills relays and starts others until the database says that the work is done. */
async function disturbUntil(relays: RelayDisturbance, done: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + 60_000;
  while (!(await done())) {
    assert.ok(performance.now() < deadlineMs, 'the work was not done in time');
    await pause(Math.random() * MAX_BETWEEN_KILLS_MS);
    relays.step();
  }
}

test('parking and requeueing lose, double and reorder nothing, whenever the relays are killed', async (t) => {
  const { pool, relays, system } = await setUp(t, { 'max.message.bytes': String(LIMIT_BYTES) });
  for (let version = 1; version < VERSIONS; version += 300) {
    await insertVersions(pool, version, version + 299);
    relays.step();
    await pause(Math.random() * MAX_BETWEEN_KILLS_MS);
  }
  const parked = POISONED.length * (VERSIONS - POISON_VERSION + 1);
  await disturbUntil(relays, () => isTrue(pool, `(SELECT count(*) FROM parked_event) = ${parked}`));
  const published = await committedRecords(system.databaseUrl);
  // All that does not wait for an operator is there, and nothing else.
  await assertTopicRecords(
    system,
    published.filter(({ key, version }) => !POISONED.includes(key) || version < POISON_VERSION),
  );

  // The last relay may just have been killed.
  await relays.settle();
  const [discarded = '', ...requeued] = POISONED;
  await alterTopic(system, 'max.message.bytes', '1000000');
  /** A broker may know of its new limit a little later, and an operator asks again. */
  const requeue = () =>
    pool.query(
      'UPDATE parked_event SET requeued_at = clock_timestamp() WHERE requeued_at IS NULL AND key <> $1',
      [discarded],
    );
  await requeue();
  await pool.query('NOTIFY relay_ownership');
  await eventually(
    async () => {
      await requeue();
      assert.ok(await isTrue(pool, `(SELECT count(*) FROM parked_event) < ${parked / 2}`));
    },
    { intervalMs: 5 },
  );
  relays.killAll();
  await disturbUntil(relays, async () => {
    await requeue();
    return isTrue(pool, `NOT EXISTS (SELECT FROM parked_event WHERE key <> '${discarded}')`);
  });
  await relays.settle();
  // A discard counts from the checkpoint on that covers the event.
  await eventually(async () => assert.ok(await isTrue(pool, ALL_IS_COVERED)));
  await pool.query('DELETE FROM parked_event');
  await insertVersions(pool, VERSIONS + 1, VERSIONS + 1);
  await relays.settle();
  await assertTopicRecords(
    system,
    (await committedRecords(system.databaseUrl)).filter(
      ({ key, version }) => key !== discarded || version < POISON_VERSION || version > VERSIONS,
    ),
  );
  t.diagnostic(`${parked} events parked, ${requeued.length} keys requeued, ${JSON.stringify(relays.counts)}`);
});

test('a replay publishes each event once more, whenever the relays are killed', async (t) => {
  const { pool, relays, system } = await setUp(t);
  await insertVersions(pool, 1, VERSIONS);
  await relays.settle();
  const first = await committedRecords(system.databaseUrl);
  await assertTopicRecords(system, first);

  const replayIds = [randomUUID(), randomUUID()];
  for (const replayId of replayIds) {
    await pool.query(
      `WITH asked AS (
         INSERT INTO replay_request (replay_id, from_seq, to_seq) SELECT $1, 1, max(seq) FROM outbox RETURNING replay_id)
       INSERT INTO replay_partition (replay_id, partition) SELECT replay_id, generate_series(0, $2::int - 1) FROM asked`,
      [replayId, PARTITIONS],
    );
  }
  await pool.query('NOTIFY relay_ownership');
  let version = VERSIONS;
  for (const share of KILL_AT) {
    const events = Math.round(share * replayIds.length * first.length);
    await eventually(
      async () =>
        assert.ok(await isTrue(pool, `(SELECT sum(published_events) FROM replay_partition) >= ${events}`)),
      { intervalMs: 5 },
    );
    relays.killAll();
    await insertVersions(pool, (version += 1), version);
    relays.step();
  }
  await eventually(async () =>
    assert.ok(await isTrue(pool, 'NOT EXISTS (SELECT FROM replay_partition WHERE finished_at IS NULL)')),
  );
  await relays.settle();
  const replayed = replayIds.flatMap((replayId) =>
    first.map((record) => ({ ...record, id: `${record.id}/${replayId}` })),
  );
  await assertTopicRecords(system, [...(await committedRecords(system.databaseUrl)), ...replayed]);
  t.diagnostic(`${replayed.length} events replayed, ${JSON.stringify(relays.counts)}`);
});
