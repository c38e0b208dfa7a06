import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { createTestDatabase, startApp } from '../../../test/harness/index.ts';
import { PATIENT_API } from '../../../test/harness/order-apps.ts';
import { countRoundTrips } from '../testing/counted-round-trips.ts';
import { type Answer, createOrderClient, ORDER, TEA } from '../testing/order-client.ts';

/** An API whose way to the database counts. */
async function startCountedApi(t: TestContext) {
  const { url } = await createTestDatabase(t);
  const database = await countRoundTrips(t, url);
  const api = await startApp(t, 'api', { DATABASE_URL: database.url, ...PATIENT_API });
  const client = createOrderClient(api.urls.http);
  return {
    ...client,
    async cost(status: number, ask: () => Promise<Answer>): Promise<number> {
      const before = database.roundTrips('api');
      assert.equal((await ask()).status, status);
      return database.roundTrips('api') - before;
    },
  };
}

test('an order and its event cost three round trips to the database, with an idempotency key four', async (t) => {
  const { send, cost } = await startCountedApi(t);
  // The first one of a session has its statements prepared on the way.
  for (const _ of [1, 2]) {
    assert.equal(await cost(201, () => send('POST', '/orders', ORDER)), 3);
  }
  for (const _ of [1, 2]) {
    const key = { 'idempotency-key': randomUUID() };
    assert.equal(await cost(201, () => send('POST', '/orders', ORDER, key)), 4);
    assert.equal(await cost(201, () => send('POST', '/orders', ORDER, key)), 2, 'the answer of before');
    assert.equal(await cost(422, () => send('POST', '/orders', { ...ORDER, currency: 'USD' }, key)), 2);
  }
});

test('a change costs four round trips, with an idempotency key five; a read costs one, and bad input none', async (t) => {
  const { send, place, cost } = await startCountedApi(t);
  const path = `/orders/${await place()}`;
  const change = (quantity: number, headers = {}) =>
    cost(200, () => send('PATCH', path, { items: [{ ...TEA, quantity }] }, headers));
  assert.equal(await change(3), 4);
  assert.equal(await change(4, { 'idempotency-key': randomUUID() }), 5);
  assert.equal(await cost(200, () => send('GET', path)), 1);
  assert.equal(await cost(404, () => send('PATCH', `/orders/${randomUUID()}`, { items: [TEA] })), 2);
  assert.equal(await cost(412, () => send('PATCH', path, { items: [TEA] }, { 'if-match': '"v1"' })), 2);
  assert.equal(await cost(400, () => send('POST', '/orders', {})), 0);
});
