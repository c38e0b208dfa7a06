import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createOrderStreamClient } from './client.ts';
import { isOnThisMachine } from './clear-text-warning.ts';

test('a credential that leaves the machine without TLS is warned of once, without its value', async () => {
  const warnings: string[] = [];
  process.on('warning', ({ message }) => warnings.push(message));
  const call = async (address: string, metadata: Record<string, string>, tls = false) => {
    const { client, close } = createOrderStreamClient(address, { metadata, tls });
    await assert.rejects(client.getReplayRange({}, { signal: AbortSignal.timeout(100) }));
    close();
  };
  const bearer = { authorization: 'Bearer secret' };
  await call('127.0.0.1:1', bearer);
  await call('gateway.invalid:1', bearer, true);
  await call('gateway.invalid:1', { 'x-trace': '1' });
  assert.deepEqual(warnings, []);
  await call('gateway.invalid:1', bearer);
  await call('gateway.invalid:1', bearer);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? '', /authorization is sent to gateway\.invalid:1 without TLS/);
  assert.doesNotMatch(warnings[0] ?? '', /secret/);
});

for (const [address, expected] of [
  ['localhost:50051', true],
  ['127.0.0.2:50051', true],
  ['[::1]:50051', true],
  ['http://localhost:50051', true],
  ['unix:/run/gateway.sock', true],
  ['10.0.0.1:50051', false],
  ['127.example.com:50051', false],
  ['[2001:db8::1]:50051', false],
] as const) {
  test(`${address} is ${expected ? '' : 'not '}on this machine`, () => {
    assert.equal(isOnThisMachine(address), expected);
  });
}
