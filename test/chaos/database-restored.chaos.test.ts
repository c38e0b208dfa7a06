import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { migrateToLatest } from '@order-events/database';
import pg from 'pg';
import { createTestTopic, eventually, startApp, startPostgres } from '../harness/index.ts';
import { eventIdsOfTopic, insertOutboxEvents, outboxEventIds } from '../harness/outbox-events.ts';

/** Owners included: the server runs as another user. */
async function copy(from: string, to: string): Promise<void> {
  await promisify(execFile)('cp', ['-a', from, to]);
}

test('a database restored to an earlier time under a running relay goes on: nothing is skipped and nothing doubled', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'order-events-restore-'));
  await chmod(directory, 0o755);
  const dataDir = join(directory, 'data');
  const postgres = await startPostgres(t, { dataDir });
  t.after(() => rm(directory, { recursive: true, force: true }));
  await migrateToLatest(postgres.url);
  const { brokers, topic } = await createTestTopic(t);
  const relay = await startApp(t, 'relay', {
    DATABASE_URL: postgres.url,
    KAFKA_BROKERS: brokers.join(','),
    KAFKA_TOPIC: topic,
  });
  const pool = new pg.Pool({ connectionString: postgres.url, max: 1 });
  pool.on('error', () => {});
  t.after(() => pool.end());
  const reachTopic = (expected: () => Promise<string[]>) =>
    eventually(async () => assert.deepEqual(await eventIdsOfTopic(brokers, topic), await expected()), {
      intervalMs: 250,
    });

  await insertOutboxEvents(pool, 200);
  await reachTopic(() => outboxEventIds(pool));
  await postgres.stop();
  await copy(dataDir, join(directory, 'backup'));
  await postgres.restart();

  await insertOutboxEvents(pool, 300);
  const beforeRestore = await outboxEventIds(pool);
  await reachTopic(async () => beforeRestore);
  await postgres.kill();
  await rm(dataDir, { recursive: true });
  await copy(join(directory, 'backup'), dataDir);
  await postgres.restart();

  // More than were lost: soon nothing tells the restored database from one that was never away.
  await insertOutboxEvents(pool, 500);
  const everCommitted = new Set([...beforeRestore, ...(await outboxEventIds(pool))]);
  assert.equal(everCommitted.size, 1000);
  await reachTopic(async () => [...everCommitted].sort());
  assert.equal((await fetch(`${relay.urls.admin}/readyz`)).status, 200);
});
