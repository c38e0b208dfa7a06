import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  CONSUMER,
  inMs,
  startGuardedGateway,
  WATCHER,
} from '../../apps/stream-gateway/testing/guarded-gateway.ts';
import { orderEvent } from '../../apps/stream-gateway/testing/order-events.ts';
import { eventually } from '../../test/harness/index.ts';
import { createTestFolder } from '../../test/harness/test-folder.ts';
import { startPython } from './testing/python-client.ts';

const TOKEN_LIFE_MS = 5_000;
/** Long enough for each stream to need several tokens. */
const TOKENS = 3;

test('clients in Python go on with the token that is in the file, without a gap and without a double', async (t) => {
  const gateway = await startGuardedGateway(t);
  const address = gateway.app.urls.grpc;
  const folder = await createTestFolder();
  const [watcherFile, consumerFile] = [join(folder, 'watcher.jwt'), join(folder, 'consumer.jwt')];
  const renew = async () => {
    const exp = inMs(TOKEN_LIFE_MS);
    const tokens = [
      [watcherFile, await gateway.issuer.token({ ...WATCHER, exp })],
      [consumerFile, await gateway.issuer.token({ ...CONSUMER, exp })],
    ] as const;
    for (const [file, token] of tokens) {
      await writeFile(`${file}.new`, token);
      await rename(`${file}.new`, file);
    }
  };
  await renew();
  const watcher = await startPython(t, 'watch.py', [address, join(folder, 'watch.token')], {
    ORDER_STREAM_TOKEN_FILE: watcherFile,
  });
  const consumer = await startPython(t, 'consume.py', [address, 'team-a.python'], {
    ORDER_STREAM_TOKEN_FILE: consumerFile,
  });
  // All of one order, so that they come in the order in which they are sent.
  const orderId = randomUUID();
  const sent: string[] = [];
  const send = async () => {
    const event = orderEvent({ orderId, version: sent.length + 1 });
    await gateway.produce(event);
    sent.push(event.eventId);
  };
  const clients = [watcher, consumer];
  // The first that both have shown is where both are connected.
  await eventually(async () => {
    await renew();
    await send();
    for (const { shown } of clients) assert.ok(shown.length > 0);
  });

  const endsAtMs = Date.now() + TOKENS * TOKEN_LIFE_MS;
  await eventually(
    async () => {
      await renew();
      await send();
      assert.ok(Date.now() > endsAtMs);
    },
    { intervalMs: 200 },
  );
  for (const { shown } of clients) {
    const ids = () => shown.map((event) => event.event_id);
    await eventually(() => assert.equal(ids().at(-1), sent.at(-1)));
    assert.deepEqual(ids(), sent.slice(-ids().length));
  }
});

test('a client in Python whose token is refused twice ends with what the gateway says', async (t) => {
  const gateway = await startGuardedGateway(t);
  const folder = await createTestFolder();
  const file = join(folder, 'watcher.jwt');
  await writeFile(file, await gateway.issuer.token({ ...WATCHER, exp: inMs(-60_000) }));
  const args = [gateway.app.urls.grpc, join(folder, 'watch.token')];
  const { ended } = await startPython(t, 'watch.py', args, { ORDER_STREAM_TOKEN_FILE: file });
  const { code, stderr } = await ended;
  assert.equal(code, 1);
  assert.match(stderr, /UNAUTHENTICATED/);
});
