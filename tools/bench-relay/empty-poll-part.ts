import { createPool } from '@order-events/database';
import { createOutboxReader, type Cursor } from '@order-events/outbox';
import pg from 'pg';
import type { FigureRow } from '../bench/figure-table.ts';
import type { BenchContext, BenchPart } from './bench-part.ts';
import { PARTITION_COUNT, withClient } from './bench-servers.ts';
import { scheduledMicros } from '../bench/process-usage.ts';
import { describeUsage, watchUsage } from '../bench/usage-window.ts';

const ROWS = 5_000_000;
const ROWS_PER_TRANSACTION = 5000;
const OPEN_TRANSACTIONS = 500;
/** What an hour leaves behind for as long as a snapshot is held: lease renewals of 12 partitions, and 1 % of 1,000 inserts a second rolled back. */
const RENEWALS_AN_HOUR = 3600;
const ROLLED_BACK_AN_HOUR = 36_000;

/** Pollers take turns in blocks, so that whatever else the machine does falls on all of them. */
const BLOCKS = 12;
const POLLS_PER_BLOCK = 100;

/** What a look at the outbox costs when there is nothing to publish, however much lies behind the cursor. */
export const emptyPollPart: BenchPart = {
  name: 'empty-poll',
  limitMs: 150_000,
  async run(context) {
    const usage = watchUsage({ postgres: [context.servers.postgresPid] });
    const small = await createPoller(context, 'bench_poll_empty');
    const large = await createPoller(context, 'bench_poll_large');
    context.step(`inserting ${ROWS.toLocaleString('en-US')} published events`);
    await insertPublishedEvents(large.databaseUrl);

    const measured: { situation: string; price: PollPrice }[] = [];
    async function look(situation: string): Promise<void> {
      context.step(`polling ${situation}`);
      const [empty, full] = await measurePrices([small, large], context.signal);
      if (empty) measured.push({ situation: `empty outbox, ${situation}`, price: empty });
      if (full) measured.push({ situation: `5 M rows, ${situation}`, price: full });
    }
    await look('nothing else open');
    const closeTransactions = await openWriteTransactions(context, large.databaseUrl);
    await look(`${OPEN_TRANSACTIONS} open write transactions`);
    await closeTransactions();
    await holdSnapshotForAnHour(context, large.databaseUrl);
    await look('an hour of a held snapshot');

    const reference = measured[0]?.price;
    const rows = measured.map(({ situation, price }): FigureRow => {
      const ratio = reference ? price.serverMicros / reference.serverMicros : Number.NaN;
      return { situation, ...price, ratio };
    });
    const notes = [
      "the relay's own reader and query for 12 partitions at one cursor; CPU of the server's session is what the kernel scheduled",
      describeUsage(usage()),
    ];
    return [{ title: 'Price of an empty poll', columns: COLUMNS, rows, notes }];
  },
};

const COLUMNS = [
  { key: 'situation', label: 'situation' },
  { key: 'clientMedianMs', label: 'answer p50 ms', digits: 2 },
  { key: 'clientMicros', label: 'client CPU µs', digits: 0 },
  { key: 'serverMicros', label: 'server CPU µs', digits: 0 },
  { key: 'ratio', label: 'server ratio', digits: 2 },
];

interface PollPrice {
  readonly clientMedianMs: number;
  readonly clientMicros: number;
  readonly serverMicros: number;
}

interface Poller {
  readonly databaseUrl: string;
  /** Goes to the present, so that polls find nothing. */
  catchUp(): Promise<void>;
  poll(): Promise<void>;
  serverMicros(): number;
}

async function createPoller({ servers, defer }: BenchContext, database: string): Promise<Poller> {
  const databaseUrl = await servers.createDatabase(database);
  defer(() => servers.dropDatabase(database));
  const pool = createPool({
    url: databaseUrl,
    applicationName: 'bench poll',
    maxConnections: 1,
    onConnectionError: () => {},
  });
  defer(() => pool.end());
  const limits = { rows: 2000, bytes: 8 * 1024 * 1024 };
  let hours = 0;
  // After an hour a probe of the numbers is not believed: each look asks the outbox itself.
  const monotonicMs = () => (hours += 1) * 3_600_000;
  const reader = createOutboxReader({ pool, partitionCount: PARTITION_COUNT, limits, monotonicMs });
  const partitions = Array.from({ length: PARTITION_COUNT }, (_, partition) => partition);
  let cursor: Cursor = { snapshot: '3:3:' };
  let session = 0;
  return {
    databaseUrl,
    async catchUp() {
      const { rows } = await pool.query<{ snapshot: string; session: number }>(
        'SELECT pg_current_snapshot()::text AS snapshot, pg_backend_pid() AS session',
      );
      if (!rows[0]) throw new Error('the server answered without a snapshot');
      cursor = { snapshot: rows[0].snapshot };
      session = rows[0].session;
    },
    async poll() {
      const [page] = await reader.read([{ cursor, partitions }]);
      if (!page || page.events.length > 0) throw new Error('the poll was to find nothing');
      cursor = page.next;
    },
    serverMicros: () => scheduledMicros(session),
  };
}

async function measurePrices(pollers: readonly Poller[], signal: AbortSignal): Promise<PollPrice[]> {
  const totals = pollers.map(() => ({ answersMs: [] as number[], clientMicros: 0, serverMicros: 0 }));
  for (const poller of pollers) await poller.catchUp();
  for (let block = 0; block <= BLOCKS; block += 1) {
    for (const [index, poller] of pollers.entries()) {
      signal.throwIfAborted();
      const server = poller.serverMicros();
      const client = process.cpuUsage();
      const answersMs = await pollBlock(poller);
      const total = totals[index];
      // The first block warms up.
      if (!total || block === 0) continue;
      const used = process.cpuUsage(client);
      total.answersMs.push(...answersMs);
      total.clientMicros += used.user + used.system;
      total.serverMicros += poller.serverMicros() - server;
    }
  }
  const polls = BLOCKS * POLLS_PER_BLOCK;
  return totals.map(({ answersMs, clientMicros, serverMicros }) => ({
    clientMedianMs: answersMs.sort((a, b) => a - b)[polls / 2] ?? Number.NaN,
    clientMicros: clientMicros / polls,
    serverMicros: serverMicros / polls,
  }));
}

async function pollBlock(poller: Poller): Promise<number[]> {
  const answersMs: number[] = [];
  for (let poll = 0; poll < POLLS_PER_BLOCK; poll += 1) {
    const startedMs = performance.now();
    await poller.poll();
    answersMs.push(performance.now() - startedMs);
  }
  return answersMs;
}

async function insertPublishedEvents(databaseUrl: string): Promise<void> {
  await withClient(databaseUrl, async (client) => {
    await client.query('SET synchronous_commit = off');
    await client.query(`DO $$ BEGIN
      FOR transaction IN 1..${ROWS / ROWS_PER_TRANSACTION} LOOP
        INSERT INTO outbox (key, key_hash, event_id, event_type, payload)
        SELECT 'order-' || n, n * 7919, gen_random_uuid(), 'order.updated', '{}' FROM generate_series(1, ${ROWS_PER_TRANSACTION}) AS n;
        COMMIT;
      END LOOP;
    END $$`);
    await client.query('VACUUM ANALYZE outbox');
  });
}

/** Each has written, so each has a transaction id that every snapshot must list. */
async function openWriteTransactions(
  { defer, step }: BenchContext,
  databaseUrl: string,
): Promise<() => Promise<void>> {
  step(`opening ${OPEN_TRANSACTIONS} write transactions`);
  const clients = Array.from(
    { length: OPEN_TRANSACTIONS },
    () => new pg.Client({ connectionString: databaseUrl, application_name: 'open transaction' }),
  );
  let closing: Promise<unknown> | undefined;
  const close = async () => {
    await (closing ??= Promise.all(clients.map((client) => client.end())));
  };
  defer(close);
  for (const client of clients) {
    client.on('error', () => undefined);
    await client.connect();
    await client.query('BEGIN');
    await client.query(
      `INSERT INTO orders (id, customer_id, status, version, currency, items, total_minor, created_at, updated_at)
       VALUES (gen_random_uuid(), 'customer-1', 'pending', 1, 'EUR', '[]', 1, now(), now())`,
    );
  }
  return close;
}

async function holdSnapshotForAnHour({ defer, step }: BenchContext, databaseUrl: string): Promise<void> {
  step('making the dead rows of an hour under a held snapshot');
  const holder = new pg.Client({ connectionString: databaseUrl, application_name: 'held snapshot' });
  holder.on('error', () => undefined);
  await holder.connect();
  defer(() => holder.end());
  await holder.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  await holder.query('SELECT count(*) FROM relay_partition');
  await withClient(databaseUrl, async (client) => {
    await client.query('SET synchronous_commit = off');
    await client.query(
      `INSERT INTO relay_partition (partition, cursor) SELECT n, '3:3:' FROM generate_series(0, ${PARTITION_COUNT - 1}) AS n`,
    );
    await client.query(`DO $$ BEGIN
      FOR renewal IN 1..${RENEWALS_AN_HOUR} LOOP
        UPDATE relay_partition SET cursor = pg_current_snapshot(), updated_at = clock_timestamp();
        COMMIT;
      END LOOP;
    END $$`);
    for (let rows = 0; rows < ROLLED_BACK_AN_HOUR; rows += ROWS_PER_TRANSACTION) {
      await client.query('BEGIN');
      await client.query(
        `INSERT INTO outbox (key, key_hash, event_id, event_type, payload)
         SELECT 'order-' || n, n, gen_random_uuid(), 'order.updated', '{}' FROM generate_series(1, ${ROWS_PER_TRANSACTION}) AS n`,
      );
      await client.query('ROLLBACK');
    }
  });
}
