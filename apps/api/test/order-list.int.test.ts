import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ORDER, startApi, TEA, type Answer } from '../testing/order-client.ts';

function ids(answer: Answer): string[] {
  return (answer.body['orders'] as { order_id: string }[]).map((order) => order.order_id);
}

test('without parameters the newest orders are listed, as a polling client knows it', async (t) => {
  const { send, place } = await startApi(t);
  const { changes_token, ...empty } = (await send('GET', '/orders')).body;
  assert.deepEqual(empty, { orders: [], next_page_token: null });
  assert.equal(typeof changes_token, 'string');
  const placed = [await place(), await place(), await place()];
  const { body } = await send('GET', '/orders');
  assert.deepEqual(ids({ body } as Answer), placed.toReversed());
  assert.equal(body['next_page_token'], null);
});

test('a list is narrowed by status and by customer', async (t) => {
  const { send, place, move } = await startApi(t);
  const [a, b, c] = [
    await place(),
    await place({ ...ORDER, customer_id: 'c-2' }),
    await place({ ...ORDER, customer_id: 'c-2' }),
  ];
  await move(a, 'confirmed');
  await move(b, 'confirmed');
  assert.deepEqual(ids(await send('GET', '/orders?status=confirmed')), [b, a]);
  assert.deepEqual(ids(await send('GET', '/orders?customer_id=c-2')), [c, b]);
  assert.deepEqual(ids(await send('GET', '/orders?status=confirmed&customer_id=c-2')), [b]);
  assert.deepEqual(ids(await send('GET', '/orders?customer_id=c-3')), []);
});

test('a list of several statuses, customers or orders has what the lists of each have, newest first, page by page', async (t) => {
  const { send, place, move } = await startApi(t);
  const placed: string[] = [];
  for (let count = 0; count < 12; count++) {
    placed.push(await place({ ...ORDER, customer_id: `c-${count % 4}` }));
    if (count % 3 === 1) await move(placed[count]!, 'confirmed');
    if (count % 3 === 2) await move(placed[count]!, 'cancelled');
  }
  const newest = placed.map((id, count) => ({ id, count })).toReversed();
  const those = (isWanted: (count: number) => boolean) =>
    newest.filter(({ count }) => isWanted(count)).map(({ id }) => id);
  const named = [placed[2]!, placed[7]!.toUpperCase(), '00000000-0000-4000-8000-000000000000'];
  const cases: [string, string[]][] = [
    ['statuses=pending&statuses=confirmed&statuses=pending', those((count) => count % 3 < 2)],
    ['customer_ids=c-1&customer_ids=c-3&customer_ids=nobody', those((count) => count % 2 === 1)],
    [
      'customer_ids=c-1&customer_ids=c-2&statuses=cancelled&statuses=confirmed',
      those((count) => [1, 2].includes(count % 4) && count % 3 > 0),
    ],
    ['customer_ids=c-1&status=cancelled', those((count) => count % 4 === 1 && count % 3 === 2)],
    [
      [...named, placed[4]!].map((id) => `order_ids=${id}`).join('&'),
      those((count) => [2, 4, 7].includes(count)),
    ],
    [`${named.map((id) => `order_ids=${id}`).join('&')}&statuses=cancelled`, those((count) => count === 2)],
  ];
  for (const [query, expected] of cases) {
    const seen: string[] = [];
    for (let more = ''; ;) {
      const page = await send('GET', `/orders?${query}&page_size=2${more}`);
      assert.equal(page.status, 200, query);
      seen.push(...ids(page));
      const token = page.body['next_page_token'];
      if (typeof token !== 'string') break;
      more = `&page_token=${token}`;
    }
    assert.deepEqual(seen, expected, query);
  }
});

test('pages hold every order once, newest first, while orders are placed', async (t) => {
  const { send, place, pool } = await startApi(t);
  const placed: string[] = [];
  for (let count = 0; count < 7; count++) placed.push(await place());
  // Orders of the same moment are told apart by their id.
  await pool.query('UPDATE orders SET created_at = (SELECT min(created_at) FROM orders)');
  const expected = placed.toSorted().toReversed();
  const seen: string[] = [];
  for (let query = ''; ;) {
    const page = await send('GET', `/orders?customer_id=c-1&page_size=3${query}`);
    seen.push(...ids(page));
    const token = page.body['next_page_token'];
    if (typeof token !== 'string') break;
    query = `&page_token=${token}`;
    await place();
  }
  assert.deepEqual(seen, expected);
});

test('a page token belongs to its filter', async (t) => {
  const { send, place } = await startApi(t);
  for (let count = 0; count < 3; count++) await place();
  const first = await send('GET', '/orders?page_size=1');
  const token = first.body['next_page_token'] as string;
  assert.equal((await send('GET', `/orders?page_size=2&page_token=${token}`)).status, 200);
  assert.equal((await send('GET', `/orders?status=pending&page_token=${token}`)).status, 400);
});

test('pages lose no order, whatever the precision of its time', async (t) => {
  const { send, place, pool } = await startApi(t);
  const placed: string[] = [];
  for (let count = 0; count < 6; count++) placed.push(await place());
  // As another program, or an import, may write them: all within one millisecond.
  for (const [index, id] of placed.entries()) {
    await pool.query(
      `UPDATE orders SET created_at = '2026-02-17T10:00:00.123Z'::timestamptz + $2::interval WHERE id = $1`,
      [id, `${index * 150} microseconds`],
    );
  }
  const seen: string[] = [];
  for (let query = ''; ;) {
    const page = await send('GET', `/orders?page_size=2${query}`);
    seen.push(...ids(page));
    const token = page.body['next_page_token'];
    if (typeof token !== 'string') break;
    query = `&page_token=${token}`;
  }
  assert.deepEqual(seen, placed.toReversed());
});

test('a page of large orders ends before its size, and none is lost', async (t) => {
  const { send, pool, api } = await startApi(t);
  // Lines that do not compress, as the database keeps them.
  await pool.query(`INSERT INTO orders SELECT gen_random_uuid(), 'large', 'pending', 1, 'EUR', lines.items, 1000, now(), now()
    FROM generate_series(1, 60) AS number, LATERAL (SELECT jsonb_agg(jsonb_build_object('sku', md5(random()::text || number || line) || md5(random()::text),
      'quantity', 1, 'unit_price_minor', line)) AS items FROM generate_series(1, 500) AS line) AS lines`);
  const seen = new Set<string>();
  let pages = 0;
  for (let query = ''; ; pages++) {
    const response = await fetch(`${api.urls.http}/orders?page_size=500${query}`);
    const text = await response.text();
    assert.ok(text.length < 3 * 1024 * 1024, `${text.length} bytes`);
    const body = JSON.parse(text) as Answer['body'];
    for (const id of ids({ body } as Answer)) seen.add(id);
    const token = body['next_page_token'];
    if (typeof token !== 'string') break;
    query = `&page_token=${token}`;
  }
  assert.equal(seen.size, 60);
  assert.ok(pages > 1);
  assert.equal(ids(await send('GET', '/orders?page_size=1')).length, 1);
});

test('a list that the client has already is not sent again, and any change in it is', async (t) => {
  const { send, place, move } = await startApi(t);
  const [first] = [await place(), await place()];
  const list = '/orders?status=pending&page_size=2';
  const tagOf = async (query = list) => {
    const { status, headers } = await send('GET', query);
    assert.equal(status, 200);
    const tag = headers.get('etag') ?? '';
    assert.match(tag, /^W\/"[\w-]+"$/);
    return tag;
  };
  const statusWith = async (tag: string, method = 'GET') => {
    const { status, body } = await send(method, list, undefined, { 'if-none-match': tag });
    if (status === 304) assert.deepEqual(body, {});
    return status;
  };
  const tag = await tagOf();
  assert.equal(await tagOf(), tag);
  assert.equal(await tagOf('/orders?page_size=2'), tag, 'the same orders are the same list');
  assert.equal(await statusWith(tag), 304);
  assert.equal(await statusWith(`"other", ${tag.slice(2)}`), 304);
  assert.equal(await statusWith('*'), 304);
  assert.equal(await statusWith(tag, 'HEAD'), 304);
  assert.equal(await statusWith('W/"other"'), 200);
  assert.equal(await statusWith('no tag'), 200, 'what is no tag is no condition of a reader');
  const order = await send('GET', `/orders/${first}`, undefined, { 'if-none-match': 'W/"v1"' });
  assert.equal(order.status, 304, 'of a client that says no-cache, as fetch does');

  await send('PATCH', `/orders/${first}`, { items: [TEA] });
  assert.equal(await statusWith(tag), 200, 'an order has changed');
  const changed = await tagOf();
  assert.notEqual(await tagOf('/orders?page_size=1'), changed, 'the list is shorter');
  const third = await place({ ...ORDER, customer_id: 'c-2' });
  const full = await tagOf();
  assert.notEqual(full, changed, 'another order is first');
  await move(first, 'cancelled');
  assert.notEqual(await tagOf(), full, 'there is no next page any more');
  await move(third, 'cancelled');
  assert.equal(await statusWith(full), 200, 'an order is gone from the list');
  assert.equal(await tagOf('/orders?customer_id=nobody'), await tagOf('/orders?customer_id=no-one'));
});
