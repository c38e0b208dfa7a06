import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { keyHash } from '@order-events/messaging/key-hash';
import pg from 'pg';

/** Locks the order's row, raises its version and appends the event, as the API does; on a pool it is two transactions. */
export async function changeOrder(client: pg.ClientBase | pg.Pool, orderId: string): Promise<number> {
  const { rows } = await client.query<{ version: number }>(
    'UPDATE hot_order SET version = version + 1 WHERE order_id = $1 RETURNING version',
    [orderId],
  );
  const version = rows[0]?.version ?? 0;
  await client.query(
    `INSERT INTO outbox (key, key_hash, event_id, event_type, payload) VALUES ($1, $2, $3, 'order.updated', $4)`,
    [orderId, keyHash(orderId), randomUUID(), JSON.stringify({ order_id: orderId, version })],
  );
  return version;
}

export async function createHotOrders(pool: pg.Pool, count: number): Promise<string[]> {
  await pool.query('CREATE TABLE hot_order (order_id text PRIMARY KEY, version int NOT NULL DEFAULT 0)');
  const orderIds = Array.from({ length: count }, () => randomUUID());
  await pool.query('INSERT INTO hot_order SELECT unnest($1::text[])', [orderIds]);
  return orderIds;
}

export interface WriterOptions {
  /** From 0 up to 1, decides everything; default `Math.random`. */
  readonly random?: () => number;
  /** Longest pause of a writer between two transactions; default none. */
  readonly paceMs?: number;
  /** How many transactions may be prepared (two-phase commit) at a time; default none. */
  readonly prepared?: number;
}

/**
 * Writes from many connections until `signal` aborts, with everything that has broken relays: transactions that get their id long
 * before they touch an order, several orders in one transaction, savepoints rolled back, whole transactions rolled back, pauses
 * between the change and the commit, and transactions that are prepared first and belong to no session until they are decided.
 */
export async function runWriters(
  url: string,
  orderIds: readonly string[],
  writers: number,
  signal: AbortSignal,
  options: WriterOptions = {},
): Promise<void> {
  // Two orders in one transaction deadlock now and then; the default of one second would leave little load.
  const pool = new pg.Pool({ connectionString: url, max: writers, options: '-c deadlock_timeout=20ms' });
  pool.on('error', () => {});
  const choices = createChoices(options.random ?? Math.random);
  const places = { free: options.prepared ?? 0 };
  const writeUntilStopped = async () => {
    const client = await pool.connect();
    try {
      while (!signal.aborted) {
        await writeOnce(client, orderIds, choices, places);
        if (options.paceMs !== undefined) await pause(choices.below(options.paceMs));
      }
    } finally {
      client.release();
    }
  };
  await Promise.all(Array.from({ length: writers }, writeUntilStopped));
  await pool.end();
}

interface Choices {
  below(bound: number): number;
  oneIn(count: number): boolean;
  orderOf(orderIds: readonly string[]): string;
}

function createChoices(random: () => number): Choices {
  const below = (bound: number) => Math.floor(random() * bound);
  return {
    below,
    oneIn: (count) => below(count) === 0,
    orderOf: (orderIds) => orderIds[below(orderIds.length)] ?? '',
  };
}

async function writeOnce(
  client: pg.PoolClient,
  orderIds: readonly string[],
  choices: Choices,
  places: { free: number },
): Promise<void> {
  const { below, oneIn, orderOf } = choices;
  await client.query('BEGIN');
  try {
    if (oneIn(3)) await client.query('SELECT pg_current_xact_id()');
    if (oneIn(3)) await pause(below(15));
    if (oneIn(4)) {
      await client.query('SAVEPOINT attempt');
      await changeOrder(client, orderOf(orderIds));
      if (oneIn(2)) await client.query('ROLLBACK TO SAVEPOINT attempt');
    }
    await changeOrder(client, orderOf(orderIds));
    if (oneIn(5)) await changeOrder(client, orderOf(orderIds));
    if (oneIn(5)) await pause(below(10));
    const end = oneIn(10) ? 'ROLLBACK' : 'COMMIT';
    if (places.free > 0 && oneIn(8)) await endInTwoPhases(client, end, below(60), places);
    else await client.query(end);
  } catch (error) {
    await client.query('ROLLBACK');
    if (!(error instanceof pg.DatabaseError && EXPECTED_ERRORS.has(error.code ?? ''))) throw error;
  }
}

const EXPECTED_ERRORS: ReadonlySet<string> = new Set([
  // Two orders locked in opposite order: Postgres ends one of the two, as it would for the API.
  '40P01',
  // Others on the server have prepared transactions as well, and took the last place: this one is rolled back.
  '53400',
]);

/** Between the two the transaction belongs to no session, and goes on holding its locks. */
async function endInTwoPhases(
  client: pg.PoolClient,
  end: 'COMMIT' | 'ROLLBACK',
  pauseMs: number,
  places: { free: number },
): Promise<void> {
  const id = randomUUID();
  places.free -= 1;
  try {
    await client.query(`PREPARE TRANSACTION '${id}'`);
    await pause(pauseMs);
    await client.query(`${end} PREPARED '${id}'`);
  } finally {
    places.free += 1;
  }
}
