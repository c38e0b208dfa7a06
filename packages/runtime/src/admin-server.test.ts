import assert from 'node:assert/strict';
import { type TestContext, mock, test } from 'node:test';
import { createAdminServer, type ReadinessCheck } from './admin-server.ts';
import { createLogger } from './logger.ts';
import { createMetricsRegistry } from './metrics.ts';

async function startServer(t: TestContext, checks: ReadinessCheck[]) {
  const log = createLogger({ service: 'test', level: 'silent' });
  const info = mock.method(log, 'info');
  const registry = createMetricsRegistry('test', '1.2.3');
  const server = createAdminServer({ host: '127.0.0.1', port: 0, checks, registry, log });
  const stopping = new AbortController();
  await server.start(stopping.signal);
  t.after(() => server.stop());
  const [fields] = info.mock.calls[0]?.arguments ?? [];
  const { url } = fields as unknown as { url: string };
  const get = async (path: string) => {
    const response = await fetch(url + path);
    return { status: response.status, body: await response.text() };
  };
  return { get, stopping, server };
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
  assert.equal((await get('/')).status, 404);
  await server.stop();
  await server.stop();
  await assert.rejects(get('/livez'));
});
