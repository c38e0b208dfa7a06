import assert from 'node:assert/strict';
import test from 'node:test';
import { createOrderStreamClient } from '@order-events/order-stream';
import { eventually } from '../../../test/harness/index.ts';
import { startGateway } from '../testing/gateway-app.ts';
import { orderEvent } from '../testing/order-events.ts';

/** Each of them is a line of the log; together more than the pipe and the process hold. */
const REFUSED_STREAMS = 8_000;
const AT_ONCE = 100;

test('a gateway whose log nobody reads goes on, counts the lines that it drops, and tells of them', async (t) => {
  const { app, watch, produce, metric } = await startGateway(t);
  const live = watch();
  await live.signal('caughtUp');
  const readAgain = app.stopReading();
  const { client, close } = createOrderStreamClient(app.urls.grpc);
  t.after(close);
  const start = { position: { $case: 'resumeToken', value: 'no token' } } as const;
  const dropped = () => metric(/^app_log_lines_dropped_total/);
  for (let refused = 0; refused < REFUSED_STREAMS; refused += AT_ONCE) {
    const streams = Array.from({ length: AT_ONCE }, () =>
      client.watchOrders({ start })[Symbol.asyncIterator](),
    );
    await Promise.all(streams.map((stream) => assert.rejects(stream.next())));
  }
  assert.ok(((await dropped()) ?? 0) > 0);
  await produce(orderEvent(), orderEvent());
  await live.events(2);

  readAgain();
  const told = await eventually(() => {
    const line = app.logs().find(({ droppedLines }) => droppedLines !== undefined);
    return line ?? assert.fail('nothing was told');
  });
  assert.equal(told['droppedLines'], await dropped());
  app.kill();
  assert.equal((await app.exited).code, 0);
  assert.ok(app.logs().some(({ msg }) => msg === 'stopped'));
});
