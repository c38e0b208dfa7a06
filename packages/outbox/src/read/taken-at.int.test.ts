import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { createTestDatabase } from '../../../../test/harness/index.ts';
import { changeOrder, createHotOrders } from '../../testing/outbox-workload.ts';
import type { Cursor } from '../cursor.ts';
import { createOutboxReader } from './outbox-reader.ts';
import { TAKEN_AT_MS } from './taken-at.ts';

const WRITERS = 6;
const WRITES = 40;
const CLOCK = `SELECT date_part('epoch', clock_timestamp()) * 1000 AS ms`;

async function openPool(t: TestContext): Promise<pg.Pool> {
  const { url } = await createTestDatabase(t);
  const pool = new pg.Pool({ connectionString: url, max: WRITERS + 3 });
  t.after(() => pool.end());
  return pool;
}

async function timeOf(client: Pick<pg.PoolClient, 'query'>): Promise<number> {
  const { rows } = await client.query<{ ms: number }>(CLOCK);
  return rows[0]?.ms ?? assert.fail('no time');
}

interface Write {
  readonly change: string;
  /** By the database, after the commit was answered. */
  readonly committedByMs: number;
}

/** Transactions that overlap, and stay open for a moment. */
async function writeOn(pool: pg.Pool, orderId: string, writes: Write[]): Promise<void> {
  const client = await pool.connect();
  for (let version = 1; version <= WRITES; version++) {
    await client.query('BEGIN');
    await changeOrder(client, orderId);
    await pause(Math.random() * 6);
    await client.query('COMMIT');
    writes.push({ change: `${orderId} ${version}`, committedByMs: await timeOf(client) });
  }
  client.release();
}

for (const [what, limits] of [
  ['near looks', { rows: 1000, bytes: 1_000_000 }],
  ['pages', { rows: 5, bytes: 100_000 }],
] as const) {
  test(`by ${what}, all that was committed before the time of a look is found; the time after it promises too much`, async (t) => {
    const pool = await openPool(t);
    const [open = '', ...orderIds] = await createHotOrders(pool, WRITERS + 1);
    const reader = createOutboxReader({ pool, partitionCount: 1, limits });
    const writes: Write[] = [];
    const found = new Set<string>();
    const looks: { takenAtMs: number; lateMs: number; found: ReadonlySet<string> }[] = [];
    const held = await pool.connect();
    await held.query('BEGIN');
    await changeOrder(held, open);

    let isOver = false;
    const writing = Promise.all(orderIds.map((orderId) => writeOn(pool, orderId, writes))).then(() => {
      isOver = true;
    });
    let cursor: Cursor = { snapshot: '3:3:' };
    do {
      const [page] = await reader.read([{ cursor, partitions: [0] }]);
      if (!page) continue;
      for (const { payload } of page.events) {
        const { order_id: orderId, version } = JSON.parse(payload) as { order_id: string; version: number };
        found.add(`${orderId} ${version}`);
      }
      cursor = page.next;
      if (cursor.page || cursor.takenAtMs === undefined) continue;
      looks.push({ takenAtMs: cursor.takenAtMs, lateMs: await timeOf(pool), found: new Set(found) });
    } while (!isOver);
    await writing;
    await held.query('ROLLBACK');
    held.release();

    const missing = (at: (look: (typeof looks)[number]) => number) =>
      looks.flatMap((look) =>
        writes.filter(({ change, committedByMs }) => committedByMs < at(look) && !look.found.has(change)),
      );
    t.diagnostic(`${looks.length} looks, ${writes.length} writes`);
    assert.ok(looks.length > 5);
    assert.deepEqual(
      missing(({ takenAtMs }) => takenAtMs),
      [],
    );
    assert.ok(missing(({ lateMs }) => lateMs).length > 0, 'the mutant is met');
  });
}

/** What is used of a connection of pg, one message at a time. */
interface Wire {
  parse(message: { text: string }): void;
  bind(message: { values: unknown[] }): void;
  execute(message: { rows?: number }): void;
  flush(): void;
  sync(): void;
  once(event: 'bindComplete', listener: () => void): void;
}

test('a statement has its snapshot when it is bound; statement_timestamp() is told when it is executed, and promises too much', async (t) => {
  const pool = await openPool(t);
  const client = await pool.connect();
  const { connection } = client as unknown as { connection: Wire };
  const [row, bound] = [Promise.withResolvers<unknown[]>(), Promise.withResolvers<void>()];
  const text = `SELECT ${TAKEN_AT_MS}, date_part('epoch', statement_timestamp()) * 1000`;
  const query = {
    submit() {
      connection.once('bindComplete', () => bound.resolve());
      connection.parse({ text });
      connection.bind({ values: [] });
      connection.flush();
    },
    handleRowDescription() {},
    handleDataRow: ({ fields }: { fields: unknown[] }) => row.resolve(fields),
    handleCommandComplete() {},
    handleReadyForQuery() {},
    handleError: (error: Error) => row.reject(error),
  };
  client.query(query as never);
  await bound.promise;
  const committedMs = await timeOf(pool);
  connection.execute({});
  connection.sync();
  const [takenAtMs, statementMs] = (await row.promise).map(Number);
  client.release(true);
  assert.ok((takenAtMs ?? assert.fail()) < committedMs);
  assert.ok((statementMs ?? assert.fail()) > committedMs);
});
