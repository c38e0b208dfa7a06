import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestDatabase, eventually, startApp } from '../../../test/harness/index.ts';

test('SIGUSR2 switches the log of a running process to debug, and back', async (t) => {
  const { url } = await createTestDatabase(t);
  const api = await startApp(t, 'api', { DATABASE_URL: url, LOG_LEVEL: 'info' });
  const switched = () => api.logs().flatMap(({ logLevel }) => logLevel ?? []);
  api.kill('SIGUSR2');
  await eventually(() => assert.deepEqual(switched(), ['debug']));
  api.kill('SIGUSR2');
  await eventually(() => assert.deepEqual(switched(), ['debug', 'info']));
  api.kill('SIGTERM');
  assert.deepEqual(await api.exited, { code: 0, signal: null });
});
