import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';
import { eventually } from '../../../test/harness/index.ts';
import { ALL_SCOPES, startGuardedApi } from '../testing/guarded-api.ts';
import { createOrderClient, ORDER, startApi } from '../testing/order-client.ts';

test('a refusal says what is wanted, and leaves a line without the token', async (t) => {
  const { api, issuer, stranger, clientOf, url } = await startGuardedApi(t);
  const challengeOf = async (authorization?: string) => {
    const answer = await createOrderClient(url, authorization).send('GET', '/orders');
    assert.equal(answer.headers.get('content-type'), 'application/problem+json; charset=utf-8');
    return [answer.status, answer.body['code'], answer.headers.get('www-authenticate')];
  };
  assert.deepEqual(await challengeOf(), [401, 'unauthenticated', 'Bearer']);
  const malformed = [401, 'unauthenticated', 'Bearer error="invalid_request"'];
  assert.deepEqual(await challengeOf('Basic eDp5'), malformed);
  assert.deepEqual(await challengeOf('Bearer a.b.c'), malformed);
  const expired = await issuer.authorization({ sub: 'late', exp: 1 });
  assert.deepEqual(await challengeOf(expired), [401, 'unauthenticated', 'Bearer error="invalid_token"']);
  const weak = await issuer.authorization({ sub: 'reader', scope: 'orders:write' });
  assert.deepEqual(await challengeOf(weak), [403, 'forbidden', 'Bearer error="insufficient_scope"']);
  await stranger
    .send('POST', '/orders', ORDER, { authorization: weak })
    .then(({ status }) => assert.equal(status, 201));

  // Each is a right token; with two nobody knows which one a proxy has looked at.
  const two = [await issuer.authorization({ scope: ALL_SCOPES }), expired];
  const headers = two.flatMap((authorization) => ['Authorization', authorization]);
  const status = await new Promise((resolve, reject) => {
    request(`${url}/orders`, { headers: ['Host', 'api', ...headers] as never }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end();
  });
  assert.equal(status, 401);

  const customer = await clientOf({ sub: 'shop', customer_id: 'secret-customer', scope: 'orders:write' });
  assert.equal((await customer.send('POST', '/orders', ORDER)).status, 403);
  const audits = () => api.logs().flatMap((line) => (line['audit'] === undefined ? [] : [line['audit']]));
  const refused = (action: string, reason: string, subject?: string) => ({
    ...(subject !== undefined && { subject }),
    ...{ action, outcome: 'refused', reason },
  });
  await eventually(() =>
    assert.deepEqual(audits(), [
      refused('GET /orders', 'missing'),
      refused('GET /orders', 'malformed'),
      refused('GET /orders', 'malformed'),
      refused('GET /orders', 'expired'),
      refused('GET /orders', 'scope', 'reader'),
      refused('GET /orders', 'malformed'),
      refused('POST /orders', 'customer', 'shop'),
    ]),
  );
  const logged = JSON.stringify(api.logs());
  assert.doesNotMatch(logged, /secret-customer|eyJ/);
  const metrics = await fetch(`${api.urls.admin}/metrics`, {
    headers: { authorization: await issuer.authorization({ scope: 'orders:admin' }) },
  });
  assert.match(await metrics.text(), /http_access_refused_total\{reason="malformed",service="api"\} 3/);
});

test('the pages of the admin port are for operators, the probes for whoever starts processes', async (t) => {
  const { api, issuer } = await startGuardedApi(t);
  const get = async (path: string, authorization?: string) =>
    (await fetch(api.urls.admin + path, authorization === undefined ? {} : { headers: { authorization } }))
      .status;
  const admin = await issuer.authorization({ scope: 'orders:admin' });
  const reader = await issuer.authorization({ scope: 'orders:read' });
  const customer = await issuer.authorization({ scope: 'orders:admin', customer_id: 'c-1' });
  for (const path of ['/livez', '/readyz']) assert.equal(await get(path), 200);
  for (const path of ['/', '/metrics', '/config']) {
    const statuses = [
      await get(path),
      await get(path, reader),
      await get(path, customer),
      await get(path, admin),
    ];
    assert.deepEqual(statuses, [401, 403, 403, 200], path);
  }
  const config = await fetch(`${api.urls.admin}/config`, { headers: { authorization: admin } });
  assert.doesNotMatch(await config.text(), /known to all replicas/);
});

test('an issuer that is away is no fault of the client', async (t) => {
  const { issuer, customer, url } = await startGuardedApi(t, {
    ACCESS_JWKS_REFRESH_MS: '1000',
    ACCESS_JWKS_COOLDOWN_MS: '200',
    ACCESS_JWKS_KEPT_MS: '2000',
  });
  const client = await customer('c-1');
  assert.equal((await client.send('GET', '/orders')).status, 200);
  await issuer.goAway();
  assert.equal((await client.send('GET', '/orders')).status, 200);
  await eventually(async () => {
    const { status, body, headers } = await client.send('GET', '/orders');
    assert.deepEqual([status, body['code'], headers.get('retry-after')], [503, 'keys_unavailable', '2']);
  });
  assert.equal((await createOrderClient(url).send('GET', '/orders')).status, 401);
  await issuer.comeBack();
  await eventually(async () => assert.equal((await client.send('GET', '/orders')).status, 200));
});

test('each principal has its limit; a stranger counts by the network', async (t) => {
  const { clientOf, stranger } = await startGuardedApi(t, {
    API_REQUESTS_PER_MINUTE: '5',
    API_WRITES_PER_MINUTE: '2',
  });
  const [one, two] = [
    await clientOf({ sub: 'one', scope: ALL_SCOPES }),
    await clientOf({ sub: 'two', scope: ALL_SCOPES }),
  ];
  const place = (client: typeof one) => client.send('POST', '/orders', ORDER);
  assert.equal((await place(one)).status, 201);
  assert.equal((await place(one)).status, 201);
  const refused = await place(one);
  assert.deepEqual([refused.status, refused.body['code']], [429, 'too_many_requests']);
  const retryAfterS = Number(refused.headers.get('retry-after'));
  assert.ok(retryAfterS >= 1 && retryAfterS <= 60, `${retryAfterS} s`);
  assert.equal((await one.send('GET', '/orders')).status, 200);
  assert.equal((await one.send('GET', '/orders')).status, 200);
  assert.equal((await one.send('GET', '/orders')).status, 429);
  assert.equal((await place(two)).status, 201);
  const statuses: number[] = [];
  for (const forwarded of ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6']) {
    const headers = { 'x-forwarded-for': forwarded, forwarded: `for=${forwarded}` };
    statuses.push((await stranger.send('GET', '/orders', undefined, headers)).status);
  }
  assert.deepEqual(statuses, [401, 401, 401, 401, 401, 429]);
});

test('without access control there is one warning, and limits count by the network', async (t) => {
  const { api, send } = await startApi(t, { API_REQUESTS_PER_MINUTE: '1' });
  const warnings = api.logs().filter(({ msg }) => String(msg).startsWith('access control is off'));
  assert.deepEqual(
    warnings.map(({ level }) => level),
    ['warn'],
  );
  assert.equal((await send('GET', '/orders')).status, 200);
  assert.equal((await send('GET', '/orders')).status, 429);
});
