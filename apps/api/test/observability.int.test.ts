import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { eventually } from '../../../test/harness/index.ts';
import { ORDER, startApi } from '../testing/order-client.ts';

test('requests and events are counted, without ids in labels', async (t) => {
  const { api, send, place, move } = await startApi(t);
  const orderId = await place();
  await move(orderId, 'confirmed');
  await send('GET', `/orders/${orderId}`);
  await send('GET', '/nowhere');
  await send('POST', '/orders', '{');
  await eventually(async () => {
    const metrics = await (await fetch(`${api.urls.admin}/metrics`)).text();
    for (const [name, labels, value] of [
      ['outbox_appended_total', 'event_type="order.created"', 1],
      ['outbox_appended_total', 'event_type="order.status_changed"', 1],
      ['http_server_request_duration_seconds_count', 'method="POST",route="/orders",status="201"', 1],
      ['http_server_request_duration_seconds_count', 'method="POST",route="/orders",status="400"', 1],
      [
        'http_server_request_duration_seconds_count',
        'method="GET",route="/orders/:order_id",status="200"',
        1,
      ],
      ['http_server_request_duration_seconds_count', 'method="GET",route="unknown",status="404"', 1],
    ] as const) {
      const line = metrics.split('\n').find((each) => each.startsWith(name) && each.includes(labels));
      assert.match(line ?? `no ${name} of ${labels}`, new RegExp(` ${value}$`));
    }
    assert.doesNotMatch(metrics, new RegExp(orderId));
  });
});

test('a request has one log line, with the id that its answer and its event carry, and nothing of its body', async (t) => {
  const { api, send, events } = await startApi(t);
  const placed = await send('POST', '/orders', { ...ORDER, customer_id: 'secret-customer' });
  const requestId = placed.headers.get('x-request-id');
  assert.match(requestId ?? '', /^[0-9a-f]{32}$/);
  const lines = () => api.logs().filter((line) => line['requestId'] === requestId);
  await eventually(() => assert.equal(lines().length, 1));
  const [line] = lines();
  assert.deepEqual([line?.['route'], line?.['status'], line?.['level']], ['/orders', '201', 'info']);
  assert.equal(typeof line?.['durationMs'], 'number');
  assert.doesNotMatch(JSON.stringify(api.logs()), /secret-customer/);
  const [row] = await events();
  assert.equal(row?.headers['traceparent']?.split('-')[1], requestId);
});

test('the state of a trace is stored with the event, beside its context', async (t) => {
  const { send, events } = await startApi(t);
  const traceparent = `00-${'4b'.repeat(16)}-${'01'.repeat(8)}-01`;
  await send('POST', '/orders', ORDER, { traceparent, tracestate: 'rojo=1,congo=2' });
  await send('POST', '/orders', ORDER, { traceparent });
  assert.deepEqual(
    (await events()).map(({ headers }) => headers),
    [{ traceparent, tracestate: 'rojo=1,congo=2' }, { traceparent }],
  );
});

test('a trace context that is not valid is replaced', async (t) => {
  const { send, events } = await startApi(t);
  for (const traceparent of ['nonsense', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`]) {
    await send('POST', '/orders', ORDER, { traceparent });
  }
  for (const row of await events()) {
    assert.match(row.headers['traceparent'] ?? '', /^00-(?!0{32})[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  }
});

test('what fails inside is logged with its cause and its request', async (t) => {
  const { api, pool, send } = await startApi(t);
  await pool.query('ALTER TABLE orders RENAME TO gone');
  const answer = await send('GET', '/orders');
  assert.equal(answer.status, 500);
  const failure = await eventually(() => {
    const found = api.logs().find((line) => line.msg === 'request failed');
    assert.ok(found);
    return found;
  });
  assert.equal(failure['requestId'], answer.headers.get('x-request-id'));
  assert.match(JSON.stringify(failure['err']), /orders.*does not exist/);
});

test('the API tells its settings, without secrets', async (t) => {
  const { api } = await startApi(t);
  const config = (await (await fetch(`${api.urls.admin}/config`)).json()) as Record<string, string>;
  assert.equal(config['DATABASE_URL'], '*** (env)');
  assert.equal(config['API_PORT'], '0 (env)');
});

test('a connection without a request stays open for longer than a balancer keeps one', async (t) => {
  const { api } = await startApi(t);
  const agent = new Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  const request = get(`${api.urls.http}/orders/nothing`, { agent });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.resume();
  assert.equal(response.headers['keep-alive'], 'timeout=75');
});
