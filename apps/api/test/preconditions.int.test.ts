import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ORDER, startApi, TEA } from '../testing/order-client.ts';

const LONG_AGO = 'Thu, 01 Jan 2015 00:00:00 GMT';
const FAR_AHEAD = 'Fri, 01 Jan 2100 00:00:00 GMT';

test('every precondition of a change is evaluated as the RFC says', async (t) => {
  const { send, place, events } = await startApi(t);
  const order = `/orders/${await place()}`;
  let version = 1;
  const cases: [Record<string, string>, number][] = [
    [{ 'if-match': '"v7", "v_"' }, 200],
    [{ 'if-match': ',, "v_",' }, 200],
    [{ 'if-match': '"v7", "v8"' }, 412],
    [{ 'if-match': 'W/"v_"' }, 412],
    [{ 'if-match': '"of-another-server"' }, 412],
    [{ 'if-match': '"a,\\"' }, 412],
    [{ 'if-match': '""' }, 412],
    [{ 'if-match': '*' }, 200],
    [{ 'if-none-match': '*' }, 412],
    [{ 'if-none-match': '"v_"' }, 412],
    [{ 'if-none-match': 'W/"v_"' }, 412],
    [{ 'if-none-match': '"v7"' }, 200],
    [{ 'if-match': '"v_"', 'if-none-match': '"v_"' }, 412],
    [{ 'if-unmodified-since': LONG_AGO }, 412],
    [{ 'if-unmodified-since': FAR_AHEAD }, 200],
    [{ 'if-unmodified-since': 'one of these days' }, 200],
    [{ 'if-unmodified-since': LONG_AGO, 'if-match': '"v_"' }, 200],
  ];
  for (const [headers, status] of cases) {
    const named = Object.entries(headers).map(([name, value]) => [
      name,
      value.replaceAll('v_', `v${version}`),
    ]);
    const answer = await send('PATCH', order, { items: [TEA] }, Object.fromEntries(named));
    assert.equal(answer.status, status, JSON.stringify(named));
    if (status === 200) version += 1;
    else assert.equal(answer.body['code'], 'version_mismatch');
  }
  const stale = await send('PUT', `${order}/status`, { status: 'confirmed' }, { 'if-none-match': '*' });
  assert.equal(stale.status, 412);
  assert.equal((await events()).length, version);
});

test('what has no tags in it is a fault of the request', async (t) => {
  const { send, place } = await startApi(t);
  const order = `/orders/${await place()}`;
  for (const given of ['v1', '"v1', '"v1" "v2"', 'w/"v1"', ',', '"v1", *', '']) {
    for (const name of ['if-match', 'if-none-match']) {
      const answer = await send('PATCH', order, { items: [TEA] }, { [name]: given });
      assert.deepEqual([answer.status, answer.body['code']], [400, 'validation_failed'], `${name}: ${given}`);
    }
  }
});

test('a new order does not depend on a state of the list', async (t) => {
  const { send, events } = await startApi(t);
  for (const [headers, status] of [
    [{ 'if-none-match': '*' }, 412],
    [{ 'if-match': '"v1"' }, 412],
    [{ 'if-match': '*' }, 201],
    [{ 'if-none-match': '"v1"' }, 201],
  ] as const) {
    const answer = await send('POST', '/orders', ORDER, headers);
    assert.equal(answer.status, status, JSON.stringify(headers));
    if (status === 412) assert.equal(answer.body['code'], 'precondition_failed');
  }
  assert.equal((await events()).length, 2);
});

test('a change to what is there already is a change: it has a version and an event', async (t) => {
  const { send, place, events } = await startApi(t);
  const order = `/orders/${await place()}`;
  const answer = await send('PATCH', order, { items: ORDER.items });
  assert.deepEqual([answer.status, answer.body['version']], [200, 2]);
  assert.deepEqual(
    (await events()).map((row) => row.event_type),
    ['order.created', 'order.updated'],
  );
});
