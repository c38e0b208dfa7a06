import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createLogReader, keyHash, type LogReader } from '@order-events/messaging';
import pg from 'pg';
import type { AppProcess } from '../../tools/stack/index.ts';
import { createTestDatabase, createTestTopic, startApp } from '../harness/index.ts';
import { peakMemoryBytes } from '../harness/peak-memory.ts';

/** CHAOS_ROWS=1000000 for the full size. */
const ROWS = Number(process.env['CHAOS_ROWS'] ?? 150_000);
const KEYS = 500;
const VERSIONS = Math.ceil(ROWS / KEYS);
const MAX_RELAY_BYTES = 400 * 1024 * 1024;
/** Shares of the events that are in the topic when the relay is killed. */
const KILL_AT = [0.1, 0.35, 0.7];

async function setUp(t: TestContext) {
  const { url: databaseUrl } = await createTestDatabase(t);
  const { brokers, topic } = await createTestTopic(t);
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 2 });
  t.after(() => pool.end());
  const reader = createLogReader({ brokers, clientId: 'test', topic, isolation: 'uncommitted' });
  t.after(() => reader.close());
  const env = {
    DATABASE_URL: databaseUrl,
    KAFKA_BROKERS: brokers.join(','),
    KAFKA_TOPIC: topic,
    RELAY_LEASE_MS: '1500',
    RELAY_PRODUCE_TIMEOUT_MS: '700',
  };
  return { pool, reader, env };
}

const keys = Array.from({ length: KEYS }, (_, index) => `order-${index}`);

/** Events of all keys, version by version, as one statement and so as one transaction. */
async function insertVersions(pool: pg.Pool, from: number, to: number): Promise<void> {
  await pool.query(
    `INSERT INTO outbox (key, key_hash, event_id, event_type, payload)
     SELECT key, hash, gen_random_uuid(), 'order.updated', json_build_object('version', version)
     FROM generate_series($1::int, $2::int) AS version CROSS JOIN unnest($3::text[], $4::int[]) AS orders (key, hash)
     ORDER BY version`,
    [from, to, keys, keys.map(keyHash)],
  );
}

/** Control records count too, a few for each claim: good enough to choose a moment. */
async function logEnd(reader: LogReader): Promise<number> {
  const offsets = await reader.offsets('latest');
  return [...offsets.values()].reduce((sum, offset) => sum + Number(offset), 0);
}

/** Kills relay after relay at shares of the work, and answers the most memory that one of them had. */
async function publishUnderKills(t: TestContext, env: Record<string, string>, reader: LogReader) {
  let relay: AppProcess = await startApp(t, 'relay', env);
  let peakBytes = 0;
  const reaches = async (share: number) => {
    while ((await logEnd(reader)) < share * KEYS * VERSIONS) await pause(20);
    peakBytes = Math.max(peakBytes, await peakMemoryBytes(relay.pid));
  };
  for (const share of KILL_AT) {
    await reaches(share);
    relay.kill('SIGKILL');
    await relay.exited;
    relay = await startApp(t, 'relay', env);
  }
  await reaches(1);
  return peakBytes;
}

/** Each key has its versions from 1 on, none twice and none left out; waits until all are there. */
async function assertEachOnceInOrder(reader: LogReader): Promise<void> {
  const last = new Map<string, number>();
  let from = await reader.offsets('earliest');
  let records = 0;
  while (records < KEYS * VERSIONS) {
    const to = await reader.offsets('latest');
    await reader.read(from, to, (batch) => {
      for (const { key, value, offset, partition } of batch.records) {
        const { version } = JSON.parse(String(value)) as { version: number };
        const expected = (last.get(String(key)) ?? 0) + 1;
        assert.equal(version, expected, `${String(key)} at ${partition}@${offset}`);
        last.set(String(key), version);
        records += 1;
      }
    });
    from = to;
    await pause(100);
  }
  assert.deepEqual(new Set(last.values()), new Set([VERSIONS]));
}

async function verify(t: TestContext, env: Record<string, string>, reader: LogReader): Promise<void> {
  const startMs = performance.now();
  const peakBytes = await publishUnderKills(t, env, reader);
  await assertEachOnceInOrder(reader);
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  const peakMegabytes = Math.round(peakBytes / 1024 / 1024);
  t.diagnostic(
    `${KEYS * VERSIONS} events, ${KILL_AT.length} kills, ${seconds} s, peak of a relay ${peakMegabytes} MB`,
  );
  assert.ok(peakBytes < MAX_RELAY_BYTES, `a relay had ${peakMegabytes} MB`);
}

test('a relay killed in the middle of a very large transaction doubles nothing, and needs little memory', async (t) => {
  const { pool, reader, env } = await setUp(t);
  await insertVersions(pool, 1, VERSIONS);
  await verify(t, env, reader);
});

test('a relay killed in the middle of a very large backlog doubles nothing, and needs little memory', async (t) => {
  const { pool, reader, env } = await setUp(t);
  const versionsAtOnce = 5;
  for (let from = 1; from <= VERSIONS; from += versionsAtOnce) {
    await insertVersions(pool, from, Math.min(from + versionsAtOnce - 1, VERSIONS));
  }
  await verify(t, env, reader);
});
