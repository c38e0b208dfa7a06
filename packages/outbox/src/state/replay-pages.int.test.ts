import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import pg from 'pg';
import { createTestDatabase } from '../../../../test/harness/index.ts';
import { createReplayStore } from './replay-pages.ts';

test('a replay waits before an event that the cursor does not cover, and goes on behind it once it does', async (t) => {
  const { url } = await createTestDatabase(t);
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  t.after(() => pool.end());
  const store = createReplayStore(pool, 1);
  const insert = async () => {
    const { rows } = await pool.query<{ seq: string }>(
      `INSERT INTO outbox (key, key_hash, event_id, event_type, payload)
       VALUES ('order-1', 1, $1, 'order.updated', '{}') RETURNING seq`,
      [randomUUID()],
    );
    return BigInt(rows[0]!.seq);
  };
  const snapshot = async () => {
    const { rows } = await pool.query<{ now: string }>('SELECT pg_current_snapshot()::text AS now');
    return rows[0]!.now;
  };
  const first = await insert();
  const early = await snapshot();
  const second = await insert();
  const late = await snapshot();
  const replay = {
    replayId: randomUUID(),
    partition: 0,
    afterSeq: 0n,
    toSeq: second,
    since: null,
    key: null,
    fromSeq: 0n,
  };
  const page = async (afterSeq: bigint, cursor: string) => {
    const { events, ...rest } = await store.page({ ...replay, afterSeq }, cursor);
    return { ...rest, seqs: events.map((event) => event.seq) };
  };

  assert.deepEqual(await page(0n, '3:3:'), { seqs: [], afterSeq: 0n, waits: true, finished: false });
  assert.deepEqual(await page(0n, early), { seqs: [first], afterSeq: first, waits: true, finished: false });
  assert.deepEqual(await page(first, late), {
    seqs: [second],
    afterSeq: second,
    waits: false,
    finished: true,
  });
});

/** As after a switch to a logical replica whose sequence was behind: numbers were given out twice, and both events are published. */
test('of events with one number none is passed over, wherever a page ends, and none of another partition comes along', async (t) => {
  const { url } = await createTestDatabase(t);
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  t.after(() => pool.end());
  // Every number three times: two events of partition 1, and one of partition 0.
  const { rows } = await pool.query<{ event_id: string; key_hash: number }>(
    `INSERT INTO outbox (seq, key, key_hash, event_id, event_type, payload)
     SELECT seq, 'order-' || seq || '-' || copy, copy % 2, gen_random_uuid(), 'order.updated', '{}'
     FROM generate_series(1, 3001) AS seq, generate_series(1, 3) AS copy
     RETURNING event_id, key_hash`,
  );
  const wanted = rows.filter((row) => row.key_hash === 1).map((row) => row.event_id);
  const now = await pool.query<{ snapshot: string }>('SELECT pg_current_snapshot()::text AS snapshot');
  const store = createReplayStore(pool, 2);
  const replay = { replayId: randomUUID(), partition: 1, toSeq: 3001n, since: null, key: null, fromSeq: 0n };
  const published: string[] = [];
  for (let afterSeq = 0n, finished = false; !finished;) {
    const page = await store.page({ ...replay, afterSeq }, now.rows[0]!.snapshot);
    assert.ok(page.finished || page.afterSeq > afterSeq, 'each page gets on');
    published.push(...page.events.map((event) => event.eventId));
    ({ afterSeq, finished } = page);
  }
  assert.deepEqual(published.toSorted(), wanted.toSorted());
});
