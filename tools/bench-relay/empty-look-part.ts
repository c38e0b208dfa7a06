import { createPool } from '@order-events/database';
import { createOutboxReader, type Cursor, dayTableName, OUTBOX_PLANS } from '@order-events/outbox';
import type { Pool } from 'pg';
import type { FigureRow } from '../bench/figure-table.ts';
import { scheduledMicros } from '../bench/process-usage.ts';
import { describeUsage, watchUsage } from '../bench/usage-window.ts';
import type { BenchContext, BenchPart } from './bench-part.ts';
import { PARTITION_COUNT, withClient } from './bench-servers.ts';

/** As an installation has them: a week behind, today, and two days ahead. */
const FIRST_DAY = -7;
const LAST_DAY = 2;
const DAY_MS = 24 * 60 * 60 * 1000;
const ROWS_OF_A_DAY = 300_000 / -FIRST_DAY;

/** They take turns in blocks, so that whatever else the machine does falls on all of them. */
const BLOCKS = 20;
const LOOKS_OF_A_BLOCK = 100;
const LONG_MS = 3_600_000;

/** What a relay that finds nothing costs Postgres, beside the least that a statement can cost, on one connection. */
export const emptyLookPart: BenchPart = {
  name: 'empty-look',
  limitMs: 60_000,
  async run(context) {
    const usage = watchUsage({ postgres: [context.servers.postgresPid] });
    const { servers, defer, step } = context;
    const databaseUrl = await servers.createDatabase('bench_empty_look');
    defer(() => servers.dropDatabase('bench_empty_look'));
    step(`filling ${LAST_DAY - FIRST_DAY + 1} day tables`);
    await fillDayTables(databaseUrl);
    const pool = createPool({
      url: databaseUrl,
      applicationName: 'bench look',
      maxConnections: 1,
      settings: OUTBOX_PLANS,
      onConnectionError: () => {},
    });
    defer(() => pool.end());
    step('looking');
    const rows = await measure(context, pool, {
      'SELECT 1': async () => void (await pool.query({ name: 'one', text: 'SELECT 1' })),
      'a look: no number was drawn': createLook(pool, 0),
      'a look that asks the tables': createLook(pool, LONG_MS),
    });
    const notes = [
      "all prepared, median of blocks; CPU of the server's session is what the kernel scheduled. A relay asks the tables once a second",
      describeUsage(usage()),
    ];
    return [
      { title: 'Price of a look that finds nothing, with 10 day tables', columns: COLUMNS, rows, notes },
    ];
  },
};

const COLUMNS = [
  { key: 'statement', label: 'statement' },
  { key: 'serverMicros', label: 'server CPU µs', digits: 1 },
  { key: 'ratio', label: 'ratio to SELECT 1', digits: 2 },
];

async function fillDayTables(databaseUrl: string): Promise<void> {
  await withClient(databaseUrl, async (client) => {
    await client.query('SET synchronous_commit = off');
    const todayMs = Math.floor(Date.now() / DAY_MS) * DAY_MS;
    for (let day = FIRST_DAY; day <= LAST_DAY; day += 1) {
      const starts = new Date(todayMs + day * DAY_MS);
      const ends = new Date(starts.getTime() + DAY_MS);
      await client.query('SELECT outbox_create_day_table($1, $2, $3)', [dayTableName(starts), starts, ends]);
      if (day >= 0) continue;
      await client.query(
        `INSERT INTO outbox (key, key_hash, event_id, event_type, payload, created_at)
         SELECT 'order-' || n, n, gen_random_uuid(), 'order.updated', '{}', $1::timestamptz + n * interval '1 second'
           FROM generate_series(1, $2::int) AS n`,
        [starts, Math.floor(ROWS_OF_A_DAY)],
      );
    }
    await client.query('VACUUM ANALYZE outbox');
  });
}

/** So much time goes by for the reader with each look. */
function createLook(pool: Pool, passingMs: number): () => Promise<void> {
  let nowMs = 0;
  const reader = createOutboxReader({
    pool,
    partitionCount: PARTITION_COUNT,
    limits: { rows: 2000, bytes: 8 * 1024 * 1024 },
    monotonicMs: () => (nowMs += passingMs),
  });
  const partitions = Array.from({ length: PARTITION_COUNT }, (_, partition) => partition);
  let cursor: Cursor | undefined;
  return async () => {
    cursor ??= { snapshot: await snapshotOf(pool) };
    const [page] = await reader.read([{ cursor, partitions }]);
    if (!page || page.events.length > 0) throw new Error('the look was to find nothing');
    cursor = page.next;
  };
}

async function snapshotOf(pool: Pool): Promise<string> {
  const { rows } = await pool.query<{ snapshot: string }>('SELECT pg_current_snapshot()::text AS snapshot');
  if (!rows[0]) throw new Error('the server answered without a snapshot');
  return rows[0].snapshot;
}

async function measure(
  { signal }: BenchContext,
  pool: Pool,
  statements: Readonly<Record<string, () => Promise<void>>>,
): Promise<FigureRow[]> {
  const { rows } = await pool.query<{ session: number }>('SELECT pg_backend_pid() AS session');
  const session = rows[0]?.session ?? 0;
  const named = Object.entries(statements).map(([statement, run]) => ({
    statement,
    run,
    micros: [] as number[],
  }));
  for (let block = 0; block <= BLOCKS; block += 1) {
    for (const { run, micros } of named) {
      signal.throwIfAborted();
      const startedMicros = scheduledMicros(session);
      for (let look = 0; look < LOOKS_OF_A_BLOCK; look += 1) await run();
      // The first block warms up.
      if (block > 0) micros.push((scheduledMicros(session) - startedMicros) / LOOKS_OF_A_BLOCK);
    }
  }
  const medians = named.map(({ statement, micros }) => ({ statement, serverMicros: medianOf(micros) }));
  const least = medians[0]?.serverMicros ?? Number.NaN;
  return medians.map((row) => ({ ...row, ratio: row.serverMicros / least }));
}

function medianOf(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}
