import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import pg from 'pg';
import { startGuardedApi } from '../testing/guarded-api.ts';
import { type Answer, lockOrder, ORDER, type OrderClient, pointers, TEA } from '../testing/order-client.ts';

const OF_OTHER = { ...ORDER, customer_id: 'c-2' };
const ITEMS = { items: [TEA] };
/** The length is that of the body, which is compared, and of the tokens in it. */
const DIFFERING_HEADERS = new Set(['x-request-id', 'date', 'content-length']);

function ids(answer: Answer): string[] {
  return (answer.body['orders'] as { order_id: string }[]).map((order) => order.order_id);
}

/**
 * Tokens that lead on are other ones each time. Their length is of the transactions in progress on the whole server, whoever asks and for
 * what, in steps of 64 bytes: it may change between any two requests.
 */
function withoutTokens(body: Answer['body']): Answer['body'] {
  return Object.fromEntries(
    Object.entries(body).map(([name, value]) => [
      name,
      name.endsWith('_token') && typeof value === 'string' ? 'TOKEN' : value,
    ]),
  );
}

/** All that an answer tells, with the order's id and what differs between any two requests taken out. */
function told(answer: Answer, orderId: string): unknown {
  const headers = [...answer.headers].filter(([name]) => !DIFFERING_HEADERS.has(name));
  // As the header is, another one for each request.
  const { trace_id, ...body } = answer.body;
  if (trace_id !== undefined) assert.equal(trace_id, answer.headers.get('x-request-id'));
  const all = JSON.stringify({ status: answer.status, headers, body: withoutTokens(body) });
  return all.replaceAll(orderId, 'ORDER');
}

/** What others do meanwhile: so many transactions as make a token longer. */
async function inProgress(t: TestContext, databaseUrl: string): Promise<void> {
  for (let count = 0; count < 40; count += 1) {
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    t.after(() => client.end());
    await client.query('BEGIN');
    await client.query('SELECT pg_current_xact_id()');
  }
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  // Only what began before the last that has ended is in a snapshot.
  await client.query('SELECT pg_current_xact_id()');
  await client.end();
}

test('two customers try to learn of each other', async (t) => {
  const { customer, clientOf, databaseUrl, events } = await startGuardedApi(t);

  await t.test(
    'an order of another customer is answered as one that there is not, by every door',
    async (t) => {
      const [one, two] = [await customer('c-1'), await customer('c-2')];
      const theirs = await two.place(OF_OTHER);
      const doors: Readonly<Record<string, (orderId: string) => Promise<Answer>>> = {
        read: (id) => one.send('GET', `/orders/${id}`),
        'read if it has changed': (id) =>
          one.send('GET', `/orders/${id}`, undefined, { 'if-none-match': '"v1"' }),
        head: (id) => one.send('HEAD', `/orders/${id}`),
        change: (id) => one.send('PATCH', `/orders/${id}`, ITEMS),
        'change if it is the version': (id) =>
          one.send('PATCH', `/orders/${id}`, ITEMS, { 'if-match': '"v1"' }),
        'change if it is another version': (id) =>
          one.send('PATCH', `/orders/${id}`, ITEMS, { 'if-match': '"v7"' }),
        'change under a key': (id) =>
          one.send('PATCH', `/orders/${id}`, ITEMS, { 'idempotency-key': randomUUID() }),
        cancel: (id) => one.send('PUT', `/orders/${id}/status`, { status: 'cancelled' }),
        'move on': (id) => one.send('PUT', `/orders/${id}/status`, { status: 'confirmed' }),
      };
      const seesNothing = async (when: string) => {
        for (const [what, open] of Object.entries(doors)) {
          const nobodys = randomUUID();
          assert.deepEqual(
            told(await open(theirs), theirs),
            told(await open(nobodys), nobodys),
            `${what}, ${when}`,
          );
        }
      };
      await seesNothing('when it rests');
      // Whoever had to wait for it would know that there is one.
      const lock = await lockOrder(t, databaseUrl, theirs);
      await seesNothing('when it is being changed');
      await lock.release();
      const { body } = await two.send('GET', `/orders/${theirs}`);
      assert.deepEqual([body['version'], body['status']], [1, 'pending']);
    },
  );

  await t.test('a list has the own orders only, whatever is asked for', async (t) => {
    const [one, two] = [await customer('c-1'), await customer('c-2')];
    const mine = [await one.place(), await one.place(), await one.place()].toReversed();
    const theirs = [await two.place(OF_OTHER), await two.place(OF_OTHER)].toReversed();
    assert.deepEqual(ids(await one.send('GET', '/orders')), mine);
    assert.deepEqual(ids(await one.send('GET', '/orders?status=pending&customer_id=c-1')), mine);
    assert.deepEqual(ids(await two.send('GET', '/orders?page_size=2')), theirs);
    const known = await one.send('GET', '/orders?customer_id=c-2');
    await inProgress(t, databaseUrl);
    const unknown = await one.send('GET', '/orders?customer_id=nobody');
    assert.deepEqual(told(known, 'c-2'), told(unknown, 'nobody'));
    const staff = await clientOf({ scope: 'orders:read' });
    const all = ids(await staff.send('GET', '/orders'));
    assert.deepEqual(all.slice(0, 5), [...theirs, ...mine]);
    assert.deepEqual(ids(await staff.send('GET', '/orders?customer_id=c-2&page_size=2')), theirs);

    const walk = async (client: OrderClient) => {
      const seen: string[] = [];
      for (let path = '/orders?page_size=1'; ;) {
        const page = await client.send('GET', path);
        seen.push(...ids(page));
        const next = page.body['next_page_token'];
        if (typeof next !== 'string') return seen;
        path = `/orders?page_size=1&page_token=${next}`;
      }
    };
    assert.deepEqual(await walk(one), mine);
  });

  await t.test('a page token is good for whose it is, and is made by nobody else', async () => {
    const [one, two] = [await customer('c-1'), await customer('c-2')];
    const staff = await clientOf({ scope: 'orders:read' });
    for (const client of [one, one]) await client.place();
    for (const client of [two, two]) await client.place(OF_OTHER);
    const tokenOf = async (client: OrderClient) =>
      String((await client.send('GET', '/orders?page_size=1')).body['next_page_token']);
    const use = (token: string) => one.send('GET', `/orders?page_size=1&page_token=${token}`);
    assert.equal((await use(await tokenOf(one))).status, 200);
    for (const token of [await tokenOf(two), await tokenOf(staff), `${await tokenOf(one)}A`.slice(1)]) {
      // Of the same length, as the path of the request is in the answer.
      const random = randomBytes(token.length).toString('hex').slice(0, token.length);
      const garbage = await use(random);
      assert.deepEqual([garbage.status, pointers(garbage)], [400, ['/query/page_token']]);
      assert.deepEqual(told(await use(token), token), told(garbage, random));
    }
    const colleague = await clientOf({ sub: 'colleague', customer_id: 'c-1', scope: 'orders:read' });
    assert.equal(
      (await colleague.send('GET', `/orders?page_size=1&page_token=${await tokenOf(one)}`)).status,
      200,
    );
  });

  await t.test('a customer learns of its own changes, by its own tokens', async () => {
    const [one, two] = [await customer('c-1'), await customer('c-2')];
    const staff = await clientOf({ scope: 'orders:read' });
    const momentOf = async (client: OrderClient) =>
      String((await client.send('GET', '/orders?page_size=1')).body['changes_token']);
    const [mine, theirs, ofAll] = [await momentOf(one), await momentOf(two), await momentOf(staff)];
    const [own, other] = [await one.place(), await two.place(OF_OTHER)];
    const changes = async (client: OrderClient, token: string, filter = '') =>
      ids(await client.send('GET', `/orders?changed_since=${token}${filter}`)).sort();
    assert.deepEqual(await changes(one, mine), [own]);
    assert.deepEqual(await changes(one, mine, '&customer_id=c-1'), [own]);
    assert.deepEqual(await changes(one, mine, '&customer_id=c-2'), []);
    assert.deepEqual(await changes(two, theirs), [other]);
    assert.deepEqual(await changes(staff, ofAll), [own, other].sort());
    assert.deepEqual(await changes(staff, ofAll, '&customer_id=c-2'), [other]);
    for (const token of [theirs, ofAll]) {
      const random = randomBytes(token.length).toString('hex').slice(0, token.length);
      const garbage = await one.send('GET', `/orders?changed_since=${random}`);
      assert.deepEqual([garbage.status, pointers(garbage)], [400, ['/query/changed_since']]);
      const foreign = await one.send('GET', `/orders?changed_since=${token}`);
      assert.deepEqual(told(foreign, token), told(garbage, random));
    }
    assert.equal((await staff.send('GET', `/orders?changed_since=${mine}`)).status, 400);
  });

  await t.test('an idempotency key is of whoever sends it', async () => {
    const [one, two] = [await customer('c-1'), await customer('c-2')];
    const staff = await clientOf({ scope: 'orders:write' });
    const headers = { 'idempotency-key': 'the-same' };
    const place = (client: OrderClient, order: object) => client.send('POST', '/orders', order, headers);
    const first = await place(one, ORDER);
    assert.equal(first.status, 201);
    // The same key: for another it is neither known nor taken, with the same order nor with another.
    const theirs = await place(two, OF_OTHER);
    const byStaff = await place(staff, ORDER);
    for (const answer of [theirs, byStaff]) {
      assert.deepEqual([answer.status, answer.headers.get('idempotency-replayed')], [201, null]);
      assert.notEqual(answer.body['order_id'], first.body['order_id']);
    }
    const again = await place(one, ORDER);
    assert.deepEqual([again.body, again.headers.get('idempotency-replayed')], [first.body, 'true']);
    assert.equal((await place(one, { ...ORDER, currency: 'USD' })).status, 422);
    // The same subject under another customer is another principal.
    const moved = await clientOf({ sub: 'shop-c-1', customer_id: 'c-2', scope: 'orders:write' });
    assert.equal((await place(moved, OF_OTHER)).headers.get('idempotency-replayed'), null);
  });

  await t.test(
    'placing for somebody else is forbidden, whether there is such a customer or not',
    async () => {
      const [one, two] = [await customer('c-1'), await customer('c-2')];
      await two.place(OF_OTHER);
      const before = (await events()).length;
      const answers = [
        await one.send('POST', '/orders', OF_OTHER),
        await one.send('POST', '/orders', { ...ORDER, customer_id: 'nobody' }),
      ];
      assert.deepEqual(told(answers[0]!, 'c-2'), told(answers[1]!, 'nobody'));
      assert.deepEqual([answers[0]?.status, answers[0]?.body['code']], [403, 'forbidden']);
      assert.equal((await events()).length, before);
    },
  );
});
