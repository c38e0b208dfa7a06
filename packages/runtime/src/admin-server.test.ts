import assert from 'node:assert/strict';
import { type TestContext, mock, test } from 'node:test';
import { type AdminPage, renderPage } from './admin-page.ts';
import { createAdminServer, type ReadinessCheck } from './admin-server.ts';
import { createLogger } from './logger.ts';
import { createMetricsRegistry } from './metrics.ts';

async function startServer(t: TestContext, checks: ReadinessCheck[], pages: AdminPage[] = []) {
  const log = createLogger({ service: 'test', level: 'silent' });
  const info = mock.method(log, 'info');
  const registry = createMetricsRegistry('test', '1.2.3');
  const server = createAdminServer({
    host: '127.0.0.1',
    port: 0,
    checks,
    registry,
    settings: { PASSWORD: '***' },
    pages,
    log,
  });
  const stopping = new AbortController();
  await server.start(stopping.signal);
  t.after(() => server.stop());
  const [fields] = info.mock.calls[0]?.arguments ?? [];
  const { url } = fields as unknown as { url: string };
  const get = async (path: string) => {
    const response = await fetch(url + path);
    return { status: response.status, body: await response.text() };
  };
  return { get, url, stopping, server };
}

test('a process is ready when every check holds', async (t) => {
  let database = false;
  const { get } = await startServer(t, [{ name: 'database', check: () => database }]);
  assert.equal((await get('/livez')).status, 200, 'liveness asks nobody');
  assert.deepEqual(await get('/readyz?verbose'), { status: 503, body: 'FAILED database\nok not stopping\n' });
  database = true;
  assert.deepEqual(await get('/readyz'), { status: 200, body: 'ok\n' });
});

test('a check that throws or hangs does not hold, and does not hang the answer', async (t) => {
  const { get } = await startServer(t, [
    { name: 'throws', check: () => Promise.reject(new Error('secret')) },
    { name: 'hangs', check: () => new Promise(() => {}) },
  ]);
  assert.deepEqual(await get('/readyz?verbose'), {
    status: 503,
    body: 'FAILED throws\nFAILED hangs\nok not stopping\n',
  });
});

test('a process that is stopping is alive and not ready', async (t) => {
  const { get, stopping } = await startServer(t, []);
  stopping.abort();
  assert.equal((await get('/readyz')).status, 503);
  assert.equal((await get('/livez')).status, 200);
});

test('metrics tell what runs, and other paths what there is', async (t) => {
  const { get, server } = await startServer(t, []);
  assert.match((await get('/metrics')).body, /app_build_info\{version="1\.2\.3"/);
  const elsewhere = await get('/elsewhere');
  assert.equal(elsewhere.status, 404);
  assert.match(elsewhere.body, /try \/livez, \/readyz, \/metrics, \/config/);
  await server.stop();
  await server.stop();
  await assert.rejects(get('/livez'));
});

test('an app adds pages, and the first page leads to everything', async (t) => {
  const page: AdminPage = {
    path: '/status',
    title: 'how <it> goes',
    render: () => ({ body: 'well', contentType: 'text/plain', headers: { 'x-own': 'yes' } }),
  };
  const { get, url } = await startServer(t, [], [page]);
  const response = await fetch(`${url}/status?any`);
  assert.equal(await response.text(), 'well');
  assert.equal(response.headers.get('x-own'), 'yes');
  assert.match(response.headers.get('content-security-policy') ?? '', /default-src 'none'/);
  const { body } = await get('/');
  for (const path of ['/livez', '/readyz', '/metrics', '/config', '/status']) {
    assert.ok(body.includes(`href="${path}"`), path);
  }
  assert.match(body, /how &lt;it&gt; goes/);
  assert.deepEqual(JSON.parse((await get('/config')).body), { PASSWORD: '***' });
});

test('the port is read-only, and survives what is no address', async (t) => {
  const { get, url } = await startServer(t, []);
  assert.equal((await fetch(`${url}/livez`, { method: 'POST' })).status, 405);
  assert.equal((await fetch(`${url}/livez`, { method: 'HEAD' })).status, 200);
  assert.equal((await get('//')).status, 404);
});

test('a page that fails or hangs is answered for, without its error', async (t) => {
  const { get } = await startServer(
    t,
    [],
    [{ path: '/fails', title: '', render: () => Promise.reject(new Error('secret')) }],
  );
  const { status, body } = await get('/fails');
  assert.equal(status, 500);
  assert.doesNotMatch(body, /secret/);
  const hanging: AdminPage = { path: '/hangs', title: '', render: () => new Promise(() => {}) };
  assert.equal((await renderPage(hanging, () => {}, 10)).status, 503);
});
