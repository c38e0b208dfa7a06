import assert from 'node:assert/strict';
import test from 'node:test';
import { startGateway } from '../testing/gateway-app.ts';

test('the gateway tells its settings, and where each comes from', async (t) => {
  const { app, topic } = await startGateway(t, { GATEWAY_MAX_WATCHERS: '7' });
  const config = (await (await fetch(`${app.urls.admin}/config`)).json()) as Record<string, string>;
  assert.equal(config['KAFKA_TOPIC'], `${topic} (env)`);
  assert.equal(config['GATEWAY_MAX_WATCHERS'], '7 (env)');
  assert.equal(config['GATEWAY_BLOCKED_LIMIT_MS'], '300000 (default)');
});
