import { randomInt, randomUUID } from 'node:crypto';
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

/**
 * Writes from many connections until `signal` aborts, with everything that has broken relays: transactions that get their id long
 * before they touch an order, several orders in one transaction, savepoints rolled back, whole transactions rolled back, and pauses
 * between the change and the commit.
 */
export async function runWriters(
  url: string,
  orderIds: readonly string[],
  writers: number,
  signal: AbortSignal,
): Promise<void> {
  // Two orders in one transaction deadlock now and then; the default of one second would leave little load.
  const pool = new pg.Pool({ connectionString: url, max: writers, options: '-c deadlock_timeout=20ms' });
  pool.on('error', () => {});
  const writeUntilStopped = async () => {
    const client = await pool.connect();
    try {
      while (!signal.aborted) await writeOnce(client, orderIds);
    } finally {
      client.release();
    }
  };
  await Promise.all(Array.from({ length: writers }, writeUntilStopped));
  await pool.end();
}

async function writeOnce(client: pg.PoolClient, orderIds: readonly string[]): Promise<void> {
  const oneIn = (n: number) => randomInt(n) === 0;
  await client.query('BEGIN');
  try {
    if (oneIn(3)) await client.query('SELECT pg_current_xact_id()');
    if (oneIn(3)) await pause(randomInt(15));
    if (oneIn(4)) {
      await client.query('SAVEPOINT attempt');
      await changeOrder(client, pick(orderIds));
      if (oneIn(2)) await client.query('ROLLBACK TO SAVEPOINT attempt');
    }
    await changeOrder(client, pick(orderIds));
    if (oneIn(5)) await changeOrder(client, pick(orderIds));
    if (oneIn(5)) await pause(randomInt(10));
    await client.query(oneIn(10) ? 'ROLLBACK' : 'COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    // Two orders locked in opposite order: Postgres ends one of the two, as it would for the API.
    if (!(error instanceof pg.DatabaseError && error.code === '40P01')) throw error;
  }
}

function pick(orderIds: readonly string[]): string {
  return orderIds[randomInt(orderIds.length)] ?? '';
}
