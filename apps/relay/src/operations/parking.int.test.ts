import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { createLogReader, keyHash } from '@order-events/messaging';
import pg from 'pg';
import { createTestDatabase, createTestTopic, eventually, startApp } from '../../../../test/harness/index.ts';
import { alterTopic } from '../../../../test/harness/topic-settings.ts';

const TOPIC_LIMIT_BYTES = 4_000;

async function setup(t: TestContext) {
  const { url } = await createTestDatabase(t);
  const { brokers, topic } = await createTestTopic(t, {
    config: { 'max.message.bytes': String(TOPIC_LIMIT_BYTES) },
  });
  const pool = new pg.Pool({ connectionString: url, max: 4 });
  t.after(() => pool.end());
  const env = { DATABASE_URL: url, KAFKA_BROKERS: brokers.join(','), KAFKA_TOPIC: topic };

  /** Inserts one event; `bytes` of payload decide whether Kafka takes it. */
  async function insert(key: string, bytes = 10): Promise<string> {
    const eventId = randomUUID();
    await pool.query(
      `INSERT INTO outbox (key, key_hash, event_id, event_type, payload) VALUES ($1, $2, $3, 'order.updated', $4)`,
      [key, keyHash(key), eventId, JSON.stringify('x'.repeat(bytes))],
    );
    return eventId;
  }
  const parked = async () => {
    const { rows } = await pool.query<{ event_id: string; cause: string }>(
      'SELECT event_id, cause FROM parked_event ORDER BY seq',
    );
    return rows;
  };
  const ask = (text: string, values: unknown[] = []) =>
    pool.query(text, values).then(() => pool.query('NOTIFY relay_ownership'));
  return {
    pool,
    env,
    insert,
    parked,
    ask,
    raiseLimit: () => alterTopic({ brokers, topic }, 'max.message.bytes', '1000000'),
    readTopic,
  };

  async function readTopic() {
    const reader = createLogReader({ brokers, clientId: 'test', topic });
    const records: { key: string; eventId: string; replayId: string | undefined }[] = [];
    try {
      await reader.read(await reader.offsets('earliest'), await reader.offsets('latest'), (batch) => {
        for (const { key, headers } of batch.records) {
          records.push({
            key: String(key),
            eventId: String(headers['ce_id']),
            replayId: headers['replay_id']?.toString(),
          });
        }
      });
    } finally {
      reader.close();
    }
    return records;
  }
}

test('an event that Kafka refuses is parked with its cause and holds its own key only, in order', async (t) => {
  const { env, insert, parked, readTopic } = await setup(t);
  await startApp(t, 'relay', env);
  const before = await insert('order-1');
  const poison = await insert('order-1', TOPIC_LIMIT_BYTES);
  const after = await insert('order-1');
  const other = await insert('order-2');
  await eventually(async () => assert.equal((await parked()).length, 2));
  const later = await insert('order-1');
  await eventually(async () => assert.equal((await parked()).length, 3));

  const waiting = await parked();
  assert.deepEqual(
    waiting.map((event) => event.event_id),
    [poison, after, later],
  );
  assert.match(waiting[0]?.cause ?? '', /MESSAGE_TOO_LARGE/);
  assert.equal(waiting[1]?.cause, `waits for ${poison}`);
  await eventually(async () => {
    const published = (await readTopic()).map((record) => record.eventId);
    assert.deepEqual(new Set(published), new Set([before, other]));
  });
});

test('requeued events are published once and in order, and the key is free again', async (t) => {
  const { pool, env, insert, parked, ask, raiseLimit, readTopic } = await setup(t);
  const relay = await startApp(t, 'relay', env);
  const poison = await insert('order-1', TOPIC_LIMIT_BYTES);
  const after = await insert('order-1');
  await eventually(async () => assert.equal((await parked()).length, 2));

  // Nothing has changed, so Kafka refuses it again: it stays parked, and the wish is forgotten.
  await ask('UPDATE parked_event SET requeued_at = now()');
  await eventually(async () => {
    const { rows } = await pool.query('SELECT requeued_at FROM parked_event');
    assert.deepEqual(rows, [{ requeued_at: null }, { requeued_at: null }]);
  });
  await eventually(() =>
    assert.equal(relay.logs().filter((line) => line['outcome'] === 'refused').length, 2),
  );

  await raiseLimit();
  await ask('UPDATE parked_event SET requeued_at = now()');
  await eventually(async () => assert.deepEqual(await parked(), []));
  const last = await insert('order-1');
  const published = await eventually(async () => {
    const records = await readTopic();
    assert.equal(records.length, 3);
    return records.map((record) => record.eventId);
  });
  assert.deepEqual(published, [poison, after, last]);
});

test('a key whose parked events are discarded is free again', async (t) => {
  const { pool, env, insert, parked, readTopic } = await setup(t);
  await startApp(t, 'relay', env);
  await insert('order-1', TOPIC_LIMIT_BYTES);
  await eventually(async () => assert.equal((await parked()).length, 1));
  await pool.query('DELETE FROM parked_event');
  const next = await insert('order-1');
  await eventually(async () =>
    assert.deepEqual(
      (await readTopic()).map((record) => record.eventId),
      [next],
    ),
  );
  assert.deepEqual(await parked(), []);
});

test('a replay publishes the events that it names once more, once each, and marks them', async (t) => {
  const { pool, env, insert, ask, readTopic } = await setup(t);
  await startApp(t, 'relay', env);
  const first = await insert('order-1');
  const second = await insert('order-1');
  await insert('order-2');
  await eventually(async () => assert.equal((await readTopic()).length, 3));
  const { rows } = await pool.query<{ replay_id: string }>(
    `INSERT INTO replay_request (key, to_seq) SELECT 'order-1', max(seq) FROM outbox RETURNING replay_id`,
  );
  const replayId = rows[0]?.replay_id ?? '';
  await ask('INSERT INTO replay_partition (replay_id, partition) VALUES ($1, $2)', [
    replayId,
    keyHash('order-1') % 12,
  ]);
  await eventually(async () => {
    const { rows: done } = await pool.query(
      'SELECT FROM replay_partition WHERE finished_at IS NOT NULL AND published_events = 2',
    );
    assert.equal(done.length, 1);
  });
  const third = await insert('order-1');
  const own = await eventually(async () => {
    const records = (await readTopic()).filter((record) => record.key === 'order-1');
    assert.equal(records.length, 5);
    return records;
  });
  assert.deepEqual(
    own.map((record) => record.eventId),
    [first, second, first, second, third],
  );
  assert.deepEqual(
    own.map((record) => record.replayId),
    [undefined, undefined, replayId, replayId, undefined],
  );
});
