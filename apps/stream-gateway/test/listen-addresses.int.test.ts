import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import { startApp } from '../../../test/harness/index.ts';

const NOBODY = 'localhost:1';

test('an IPv6 address is taken with and without brackets, by every server alike', async (t) => {
  const { urls } = await startApp(t, 'stream-gateway', {
    KAFKA_BROKERS: NOBODY,
    GATEWAY_HOST: '::',
    GATEWAY_ADMIN_HOST: '[::]',
    GATEWAY_ADMIN_GRPC_HOST: '[::1]',
  });
  for (const [url, host] of [
    [urls.grpc, '[::]'],
    [urls.admin, 'http://[::]'],
    [urls.adminGrpc, '[::1]'],
  ] as const) {
    assert.ok(url.startsWith(`${host}:`), url);
    await connects('::1', Number(url.split(':').at(-1)));
  }
});

function connects(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, host, () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
  });
}
