import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type pg from 'pg';
import { eventually } from '../../../test/harness/index.ts';
import { walkList } from '../testing/changes-poller.ts';
import { ORDER, pointers, startApi, type OrderClient } from '../testing/order-client.ts';

const idsOf = (orders: readonly { order_id: string }[]) => orders.map((order) => order.order_id).sort();

const changesSince = (client: Pick<OrderClient, 'send'>, token: string, query = 'page_size=50') =>
  walkList(client, `${query}&changed_since=${token}`);

/** Changes an order as the API does, in a transaction that somebody else ends. */
async function changeWithin(client: pg.ClientBase, orderId: string): Promise<void> {
  await client.query('UPDATE orders SET version = version + 1 WHERE id = $1', [orderId]);
  await client.query(
    `INSERT INTO outbox (key, key_hash, event_id, event_type, payload)
     SELECT key, key_hash, gen_random_uuid(), 'order.items_changed', payload FROM outbox WHERE key = $1 LIMIT 1`,
    [orderId],
  );
}

/** As the janitor does once everything is published and old. */
async function dropAll(client: pg.ClientBase | pg.Pool): Promise<void> {
  await client.query(
    `INSERT INTO relay_partition (partition, cursor) VALUES (0, '9000000000000000000:9000000000000000000:')`,
  );
  const { rows } = await client.query<{ answer: string }>(
    `SELECT outbox_empty_default(clock_timestamp() + interval '1 hour') AS answer`,
  );
  assert.equal(rows[0]?.answer, 'retired');
}

test('a list leads on to what has changed since, and that to what has changed after it', async (t) => {
  const client = await startApi(t);
  const nothing = await walkList(client, 'page_size=50');
  assert.deepEqual(nothing.orders, []);
  const [a, b] = [await client.place(), await client.place()];
  const placed = await changesSince(client, nothing.token);
  assert.deepEqual(idsOf(placed.orders), [a, b].sort());
  assert.deepEqual((await changesSince(client, placed.token)).orders, []);

  await client.move(a, 'confirmed', 'processing');
  const moved = await changesSince(client, placed.token);
  assert.deepEqual(
    moved.orders.map(({ order_id, version, status }) => [order_id, version, status]),
    [[a, 3, 'processing']],
    'once, as it is now',
  );
  // A token stays good: whoever has lost an answer asks again.
  assert.deepEqual(idsOf((await changesSince(client, nothing.token)).orders), [a, b].sort());
});

test('what began before a token and commits after it is told', async (t) => {
  const client = await startApi(t);
  const orderId = await client.place();
  const late = await client.pool.connect();
  await late.query('BEGIN');
  await changeWithin(late, orderId);
  const list = await walkList(client, 'page_size=50');
  // Later ones commit first.
  const other = await client.place();
  const before = await changesSince(client, list.token);
  assert.deepEqual(idsOf(before.orders), [other]);
  await late.query('COMMIT');
  late.release();
  const after = await changesSince(client, before.token);
  assert.deepEqual(idsOf(after.orders), [orderId]);
  assert.deepEqual((await changesSince(client, after.token)).orders, []);
});

test('what changes during a walk through a list is told after it', async (t) => {
  const client = await startApi(t);
  const placed: string[] = [];
  for (let count = 0; count < 5; count += 1) placed.push(await client.place());
  const changed: string[] = [];
  const list = await walkList(client, 'page_size=2', async () => {
    const [first = ''] = placed;
    if (changed.length === 0) await client.move(first, 'confirmed');
    changed.push(await client.place());
  });
  assert.deepEqual(idsOf(list.orders), placed.toSorted());
  assert.equal(changed.length, 2);
  assert.deepEqual(
    idsOf((await changesSince(client, list.token)).orders),
    [placed[0] ?? '', ...changed].toSorted(),
  );
});

test('a walk through changes ends where it began to, in pages that tell each order', async (t) => {
  const client = await startApi(t);
  const { token } = await walkList(client, 'page_size=50');
  const placed: string[] = [];
  for (let count = 0; count < 7; count += 1) placed.push(await client.place());
  // Keys that are of no order, such as canaries have.
  await client.pool.query(
    `INSERT INTO outbox (key, key_hash, event_id, event_type, payload) VALUES ('canary-1', 1, $1, 'canary', '{}')`,
    [randomUUID()],
  );
  const meanwhile: string[] = [];
  const walk = await walkList(client, `page_size=2&changed_since=${token}`, async () => {
    meanwhile.push(await client.place());
  });
  assert.deepEqual(idsOf(walk.orders), placed.toSorted());
  assert.equal(walk.pages, 4);
  assert.deepEqual(idsOf((await changesSince(client, walk.token)).orders), meanwhile.toSorted());
});

test('an order that many changes of one transaction are of is told, and so are all of a large transaction', async (t) => {
  const client = await startApi(t);
  const { token } = await walkList(client, 'page_size=50');
  await client.pool.query(`WITH placed AS (
      INSERT INTO orders SELECT gen_random_uuid(), 'c-1', 'pending', 1, 'EUR', '[]', 0, now(), now() FROM generate_series(1, 4500)
      RETURNING id)
    INSERT INTO outbox (key, key_hash, event_id, event_type, payload)
    SELECT id::text, 1, gen_random_uuid(), 'order.created', '{}' FROM placed, generate_series(1, 2)`);
  const walk = await changesSince(client, token, 'page_size=500');
  assert.equal(new Set(idsOf(walk.orders)).size, 4500);
  assert.equal(walk.orders.length, 4500);
});

test('status and customer are those of now, and a token is good for every filter', async (t) => {
  const client = await startApi(t);
  const [a, b] = [await client.place(), await client.place({ ...ORDER, customer_id: 'c-2' })];
  const { token } = await walkList(client, 'page_size=50&status=pending');
  await client.move(a, 'confirmed');
  await client.move(b, 'cancelled');
  assert.deepEqual(idsOf((await changesSince(client, token)).orders), [a, b].sort());
  assert.deepEqual(idsOf((await changesSince(client, token, 'status=confirmed')).orders), [a]);
  assert.deepEqual(idsOf((await changesSince(client, token, 'status=pending')).orders), []);
  assert.deepEqual(idsOf((await changesSince(client, token, 'customer_id=c-2')).orders), [b]);
  const several = 'statuses=confirmed&statuses=cancelled';
  assert.deepEqual(idsOf((await changesSince(client, token, several)).orders), [a, b].sort());
  const named = `${several}&order_ids=${a}&customer_ids=c-1`;
  assert.deepEqual(idsOf((await changesSince(client, token, named)).orders), [a]);
});

test('a token that is none, or belongs to another list, is refused', async (t) => {
  const { send, place } = await startApi(t);
  const first = (await send('GET', '/orders')).body['changes_token'] as string;
  for (let count = 0; count < 3; count += 1) await place();
  const second = (await send('GET', '/orders?page_size=1')).body;
  const refused = async (query: string) => {
    const answer = await send('GET', `/orders?${query}`);
    return [answer.status, ...pointers(answer)];
  };
  const faulty = [400, '/query/changed_since'];
  assert.deepEqual(await refused('changed_since='), faulty);
  assert.deepEqual(await refused('changed_since=garbage'), faulty);
  assert.deepEqual(await refused(`changed_since=${String(second['next_page_token'])}`), faulty);
  assert.deepEqual(await refused(`changed_since=${'x'.repeat(4000)}`), faulty);
  const page = (await send('GET', `/orders?page_size=1&changed_since=${first}`)).body;
  const next = String(page['next_page_token']);
  assert.equal((await send('GET', `/orders?changed_since=${first}&page_token=${next}`)).status, 200);
  for (const query of [
    `page_token=${next}`,
    `changed_since=${String(second['changes_token'])}&page_token=${next}`,
    `changed_since=${first}&status=pending&page_token=${next}`,
    `changed_since=${first}&page_token=${String(second['next_page_token'])}`,
  ]) {
    assert.deepEqual(await refused(query), [400, '/query/page_token'], query);
  }
});

test('a token from before what was dropped is refused, and one from after it is answered', async (t) => {
  const client = await startApi(t);
  const { token: early } = await walkList(client, 'page_size=50');
  await client.place();
  // What is in progress somewhere on the server, and began before, might be of something that was dropped.
  await eventually(async () => {
    const { rows } = await client.pool.query<{ is_over: boolean }>(
      'SELECT max(xid) < pg_snapshot_xmin(pg_current_snapshot()) AS is_over FROM outbox',
    );
    assert.ok(rows[0]?.is_over);
  });
  const { token: late } = await walkList(client, 'page_size=50');
  await dropAll(client.pool);
  const { status, body } = await client.send('GET', `/orders?changed_since=${early}`);
  assert.deepEqual([status, body['code']], [410, 'changes_expired']);
  assert.match(String(body['detail']), /begin again without changed_since/);
  assert.deepEqual((await changesSince(client, late)).orders, []);
  const placed = await client.place();
  assert.deepEqual(idsOf((await changesSince(client, late)).orders), [placed]);
});

test('a token is refused that is used while what it needs is being dropped', async (t) => {
  const client = await startApi(t);
  const { token } = await walkList(client, 'page_size=50');
  await client.place();
  const janitor = await client.pool.connect();
  await janitor.query('BEGIN');
  await dropAll(janitor);
  const asked = client.send('GET', `/orders?changed_since=${token}`);
  await eventually(async () => {
    const { rowCount } = await client.pool.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'api' AND wait_event_type = 'Lock'`,
    );
    assert.equal(rowCount, 1);
  });
  await janitor.query('COMMIT');
  janitor.release();
  assert.equal((await asked).status, 410);
});

test('a token of another run of the server, or of another database, is refused', async (t) => {
  const client = await startApi(t);
  const { token } = await walkList(client, 'page_size=50');
  const elsewhere = await startApi(t);
  assert.equal((await elsewhere.send('GET', `/orders?changed_since=${token}`)).status, 410);
  // As after a start of the server, or a crash.
  await client.pool.query(
    `CREATE OR REPLACE FUNCTION relay_server_run() RETURNS text LANGUAGE sql AS $$ SELECT 'another run' $$`,
  );
  const { status, body } = await client.send('GET', `/orders?changed_since=${token}`);
  assert.deepEqual([status, body['code']], [410, 'changes_expired']);
  const again = await walkList(client, 'page_size=50');
  assert.deepEqual((await changesSince(client, again.token)).orders, []);
});

test('a standby, whose snapshots do not list what is in progress, leads nowhere', async (t) => {
  const client = await startApi(t);
  const { token } = await walkList(client, 'page_size=50');
  for (let count = 0; count < 2; count += 1) await client.place();
  await client.pool.query(
    'CREATE OR REPLACE FUNCTION outbox_run() RETURNS text LANGUAGE sql AS $$ SELECT NULL::text $$',
  );
  const { body } = await client.send('GET', '/orders?page_size=1');
  assert.equal(body['changes_token'], null);
  const next = await client.send('GET', `/orders?page_size=1&page_token=${String(body['next_page_token'])}`);
  assert.deepEqual([next.status, next.body['changes_token']], [200, null]);
  assert.equal((await client.send('GET', `/orders?changed_since=${token}`)).status, 410);
});

test('a list of changes is sent anew whenever its token leads further on', async (t) => {
  const client = await startApi(t);
  const orderId = await client.place();
  const list = await client.send('GET', '/orders');
  const tag = list.headers.get('etag') ?? '';
  assert.equal((await client.send('GET', '/orders', undefined, { 'if-none-match': tag })).status, 304);
  // Of a list that has not changed meanwhile the token is good still.
  const path = `/orders?changed_since=${String(list.body['changes_token'])}`;
  const empty = await client.send('GET', path);
  const known = { 'if-none-match': empty.headers.get('etag') ?? '' };
  assert.equal((await client.send('GET', path, undefined, known)).status, 200);
  await client.move(orderId, 'confirmed');
  assert.equal((await client.send('GET', path, undefined, known)).status, 200);
});
