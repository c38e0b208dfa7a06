import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../../../test/harness/index.ts';
import { ORDER, startApi } from '../testing/order-client.ts';

test('while the database takes no changes, orders can be read, changes are refused by name, and the API stays ready for reads', async (t) => {
  const { api, databaseUrl, pool, send, place } = await startApi(t);
  const orderId = await place();
  const isReady = async () => (await fetch(`${api.urls.admin}/readyz`)).ok;
  assert.ok(await isReady());
  const database = new URL(databaseUrl).pathname.slice(1);
  const alter = async (change: string) => {
    await pool.query(`BEGIN READ WRITE; ALTER DATABASE "${database}" ${change}; COMMIT`);
    // Sessions that are there keep what they began with.
    await pool.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND application_name = 'api'`,
      [database],
    );
  };

  await alter('SET default_transaction_read_only = on');
  const refused = await eventually(async () => {
    const answer = await send('PUT', `/orders/${orderId}/status`, { status: 'confirmed' });
    assert.equal(answer.body['code'], 'read_only');
    return answer;
  });
  assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '5']);
  assert.equal((await send('POST', '/orders', ORDER)).body['code'], 'read_only');
  assert.equal((await send('GET', `/orders/${orderId}`)).body['status'], 'pending');
  assert.ok(await isReady());

  await alter('RESET default_transaction_read_only');
  await eventually(async () => assert.equal((await send('POST', '/orders', ORDER)).status, 201));
});
