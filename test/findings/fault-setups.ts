import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureTopic } from '@order-events/messaging';
import pg from 'pg';
import { appendEvents, produce } from '../../apps/outboxctl/testing/outbox-state.ts';
import { changeBatch } from '../../packages/messaging/testing/unreadable-batches.ts';
import { eventually, startKafka } from '../harness/index.ts';
import type { FaultWorld } from './fault-world.ts';

/** A statement in the database of the world. */
export const sql = (statement: string) => (world: FaultWorld) => world.state.pool.query(statement);
/** What waits has waited for two minutes. */
export const makeOld = sql(`UPDATE outbox SET created_at = clock_timestamp() - interval '2 minutes'`);

/** Until the owner has heard of it what is appended is published. */
export async function setMode({ state }: FaultWorld, mode: string): Promise<void> {
  await state.pool.query('UPDATE relay_partition SET mode = $1', [mode]);
  await eventually(async () => {
    const owned = await state.pool.query('SELECT FROM relay_partition WHERE owner IS NOT NULL');
    assert.equal(owned.rowCount, 0);
  });
}

/** What the cursors are about, but for what is given. */
export const identity =
  (but: Readonly<Record<string, string>>) =>
  async ({ state }: FaultWorld) => {
    const columns = {
      system_identifier: '(SELECT system_identifier::text FROM pg_control_system())',
      topic: `'${state.topic}'`,
      topic_id: `'x'`,
      partition_count: '2',
      ...but,
    };
    await state.pool.query(
      `INSERT INTO relay_identity (${Object.keys(columns).join()}) VALUES (${Object.values(columns).join()})`,
    );
  };

/** As a role that may do anything but what is taken away, and that does not own the outbox. */
export const asRoleWithout = (rights: string) => async (world: FaultWorld) => {
  const { pool } = world.state;
  const role = `relay_${randomUUID().slice(0, 8)}`;
  await pool.query(`CREATE ROLE ${role} LOGIN PASSWORD 'any'`);
  world.t.after(async () => {
    const admin = new pg.Client({ connectionString: world.state.env['DATABASE_URL'] });
    await admin.connect();
    await admin.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    await admin.end();
  });
  await pool.query(
    `GRANT ALL ON ALL TABLES IN SCHEMA public TO ${role}; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO ${role};
     REVOKE ${rights} FROM ${role}`,
  );
  world.env['DATABASE_URL'] = Object.assign(new URL(world.env['DATABASE_URL'] ?? ''), {
    username: role,
    password: 'any',
  }).href;
};

/** Three events wait, and nobody may write any more. */
export const takeNoWrites = async ({ state }: FaultWorld) => {
  await appendEvents(state, ['a', 'b', 'c']);
  await state.pool.query(
    `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$`,
  );
};

/** A Kafka of its own, in which a batch was changed on the disk that the relay has to read back. */
export const spoilTheLog = async (world: FaultWorld) => {
  const { t, env, state } = world;
  const dataDir = await mkdtemp(join(tmpdir(), 'order-events-spoiled-'));
  const { brokers } = await startKafka(t, { dataDir, settings: { 'producer.id.expiration.ms': '3600000' } });
  t.after(() => rm(dataDir, { recursive: true, force: true }));
  const { topic } = state;
  await ensureTopic({ brokers, clientId: 'test' }, { topic, partitions: 1, replicationFactor: 1 });
  const [published] = await appendEvents(state, ['order-1']);
  if (published) await produce({ ...state, partitionCount: 1, brokers }, [published]);
  await changeBatch(join(dataDir, `${topic}-0`), 0);
  env['KAFKA_BROKERS'] = brokers.join();
};
