import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import pg from 'pg';
import { createTestDatabase } from '../../../../test/harness/index.ts';
import { type Cursor, CURSOR_AT_START } from '../cursor.ts';
import type { CursorGroup } from './outbox-query.ts';
import { createOutboxReader, type OutboxReader } from './outbox-reader.ts';

const ROWS = 1_000_000;
const PARTITIONS = 12;
const ALL = Array.from({ length: PARTITIONS }, (_, partition) => partition);
const LIMITS = { rows: 2000, bytes: 8 * 1024 * 1024 };
/** Far below what a whole window takes; a statement whose cost grows with the backlog meets it, also on a busy machine. */
const STATEMENT_TIMEOUT_MS = 10_000;

async function openDatabase(t: TestContext) {
  const { url } = await createTestDatabase(t);
  const pool = new pg.Pool({ connectionString: url, max: 4, statement_timeout: STATEMENT_TIMEOUT_MS });
  const writer = new pg.Client({ connectionString: url });
  await writer.connect();
  t.after(() => Promise.all([pool.end(), writer.end()]));
  return { writer, reader: createOutboxReader({ pool, partitionCount: PARTITIONS, limits: LIMITS }) };
}

async function insertNumbers(client: pg.Client, from: number, to: number): Promise<void> {
  await client.query(
    `INSERT INTO outbox (key, key_hash, event_id, event_type, payload)
     SELECT 'order', number, gen_random_uuid(), 'order.updated', number::text FROM generate_series($1::int, $2::int) AS number`,
    [from, to],
  );
}

async function snapshotOf(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ now: string }>('SELECT pg_current_snapshot()::text AS now');
  return rows[0]?.now ?? '';
}

/** Reads until nothing is left, and demands the numbers from 1 up, in pages within the limits. */
async function readNumbers(reader: OutboxReader, start: Cursor): Promise<number> {
  let cursor = start;
  let read = 0;
  for (;;) {
    const [page] = await reader.read([{ cursor, partitions: ALL }]);
    // The window is still being measured.
    if (!page) continue;
    assert.ok(page.events.length <= LIMITS.rows);
    for (const { payload } of page.events)
      if (Number(payload) !== ++read) assert.equal(payload, String(read));
    cursor = page.next;
    if (!cursor.page && page.events.length === 0) return read;
  }
}

test('a transaction of a million rows is read whole and in order', async (t) => {
  const { writer, reader } = await openDatabase(t);
  await writer.query('BEGIN');
  await writer.query('SELECT pg_current_xact_id()');
  // It is one of those in progress when the cursor is taken.
  const cursor = { snapshot: await snapshotOf(writer) };
  await insertNumbers(writer, 1, ROWS);
  await writer.query('COMMIT');
  assert.equal(await readNumbers(reader, cursor), ROWS);
});

test('a backlog of a million rows is read in order, and while it is measured the other partitions go on', async (t) => {
  const { writer, reader } = await openDatabase(t);
  const perTransaction = 2000;
  for (let row = 1; row <= ROWS; row += perTransaction) {
    await insertNumbers(writer, row, row + perTransaction - 1);
  }
  const behind: CursorGroup = { cursor: CURSOR_AT_START, partitions: [1] };
  const upToDate: CursorGroup = { cursor: { snapshot: await snapshotOf(writer) }, partitions: [2] };
  await insertNumbers(writer, ROWS + 1, ROWS + PARTITIONS);
  const pages = await reader.read([behind, upToDate]);
  assert.deepEqual(
    pages.map(({ group }) => group),
    [upToDate],
    'one step does not measure a million rows',
  );
  assert.equal(pages[0]?.events.length, 1);
  assert.equal(await readNumbers(reader, CURSOR_AT_START), ROWS + PARTITIONS);
});
