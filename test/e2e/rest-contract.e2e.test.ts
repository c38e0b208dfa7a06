import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestDatabase, createTestTopic, startApp, startKafka } from '../harness/index.ts';
import { appEnv } from '../harness/order-apps.ts';
import { startTokenIssuer } from '../harness/token-issuer.ts';

const ORDER = {
  customer_id: 'c-1',
  currency: 'EUR',
  items: [{ sku: 'tea', quantity: 2, unit_price_minor: 450 }],
};

/** Everything that REST clients rely on, with ids, times and tokens replaced by what is stable. */
async function playContract(apiUrl: string, authorization?: string): Promise<unknown[]> {
  const answers: unknown[] = [];
  const known = new Map<string, string>();
  let changesToken = '';
  const send = async (method: string, path: string, body?: object) => {
    const response = await fetch(apiUrl + path, {
      method,
      headers: {
        ...(authorization !== undefined && { authorization }),
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = (await response.text())
      .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
      .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, (id) => {
        if (!known.has(id)) known.set(id, `ORDER-${known.size + 1}`);
        return known.get(id) ?? id;
      })
      .replaceAll(/"trace_id":"[0-9a-f]{32}"/g, '"trace_id":"TRACE"')
      .replace(/(?<="changes_token":")[\w-]+/, (token) => {
        changesToken ||= token;
        return 'TOKEN';
      });
    const { status, headers } = response;
    answers.push({
      request: method,
      status,
      type: headers.get('content-type'),
      // That of a list is made of the ids.
      etag: headers.get('etag')?.replace(/^W\/"[\w-]{22}"$/, 'W/"LIST"'),
      body: JSON.parse(text) as unknown,
    });
    return response.headers.get('location') ?? path;
  };
  const order = await send('POST', '/orders', ORDER);
  await send('GET', order);
  await send('GET', '/orders');
  await send('PATCH', order, { items: [{ sku: 'cup', quantity: 1, unit_price_minor: 1200 }] });
  await send('PUT', `${order}/status`, { status: 'confirmed' });
  await send('PUT', `${order}/status`, { status: 'pending' });
  await send('PUT', `${order}/status`, { status: 'cancelled' });
  await send('GET', '/orders?status=cancelled');
  await send('GET', '/orders?status=nonsense');
  await send('GET', `/orders?changed_since=${changesToken}`);
  await send('GET', `/orders?status=confirmed&changed_since=${changesToken}`);
  await send('POST', '/orders', {});
  return answers;
}

test('the REST behaviour is the same with Kafka up, with Kafka down, without a relay or a broker anywhere, and with access control', async (t) => {
  const play = async (kafka?: { brokers: readonly string[]; topic: string }) => {
    const { url: databaseUrl } = await createTestDatabase(t);
    const env = appEnv({
      databaseUrl,
      ...(kafka ?? { brokers: [], topic: '' }),
      env: { ACCESS_CONTROL: 'off' },
    });
    const api = await startApp(t, 'api', env.api);
    if (kafka) await startApp(t, 'relay', env.relay);
    return playContract(api.urls.http);
  };
  const confined = async () => {
    const { url: DATABASE_URL } = await createTestDatabase(t);
    const issuer = await startTokenIssuer(t);
    const api = await startApp(t, 'api', {
      DATABASE_URL,
      ...issuer.settings,
      API_PAGE_TOKEN_SECRET: 'known to all replicas of this test',
    });
    return playContract(api.urls.http, await issuer.authorization({ scope: 'orders:read orders:write' }));
  };
  const never = await play();
  const up = await play(await createTestTopic(t));
  const ownKafka = await startKafka(t);
  await ownKafka.stop();
  const down = await play({ brokers: ownKafka.brokers, topic: 'orders.events' });
  assert.deepEqual(up, never);
  assert.deepEqual(down, never);
  assert.deepEqual(await confined(), never);

  const statuses = never.map((answer) => (answer as { status: number }).status);
  assert.deepEqual(statuses, [201, 200, 200, 200, 200, 409, 200, 200, 400, 200, 200, 400]);
  assert.deepEqual(never[1], {
    request: 'GET',
    status: 200,
    type: 'application/json; charset=utf-8',
    etag: '"v1"',
    body: {
      order_id: 'ORDER-1',
      ...ORDER,
      status: 'pending',
      version: 1,
      total_minor: 900,
      created_at: 'TIME',
      updated_at: 'TIME',
    },
  });
});
