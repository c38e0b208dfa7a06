import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { OrderStatus } from '@order-events/order-stream';
import { Status } from 'nice-grpc-common';
import {
  refuse,
  silence,
  STARTED,
  startScriptedGateway,
} from '../../packages/order-stream/testing/scripted-gateway.ts';
import { eventually } from '../../test/harness/index.ts';
import { createTestFolder } from '../../test/harness/test-folder.ts';
import { startPython } from './testing/python-client.ts';

interface Followed {
  readonly kind: string;
  readonly order_id: string;
  readonly order_version: number;
}

const listed = (orderId: string, version: number, status = 'pending') => ({
  ...{ order_id: orderId, customer_id: 'c', status, version, currency: 'EUR', items: [], total_minor: 0 },
  ...{ created_at: '2026-01-01T00:00:00Z', updated_at: '2026-01-01T00:00:00Z' },
});
const changed = (orderId: string, version: number, status: OrderStatus = OrderStatus.PENDING) => ({
  ...{ eventId: `${orderId}.${version}`, orderId, orderVersion: BigInt(version), status },
});
const page = (orders: object[], next: string | null = null, changesToken: string | null = 'moment') =>
  [200, { orders, next_page_token: next, changes_token: changesToken }] as const;

/** Answers requests by the given ones, in their order, and keeps what was asked for. */
async function startApi(t: TestContext, answers: (readonly [status: number, body: object | string])[]) {
  const asked: { readonly url: URL; readonly authorization: string | undefined }[] = [];
  const server = createServer(({ url = '', headers: { authorization } }, response) => {
    asked.push({ url: new URL(url, 'http://api'), authorization });
    const [status, body] = answers.shift() ?? [500, 'nobody is to ask'];
    response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

test('a view in Python reads the list over all that stands in its way, and again when the log has lost the place', async (t) => {
  const { address, requests } = await startScriptedGateway(
    t,
    async function* ({ start }, { context, number }) {
      if (start?.position?.$case === 'latest') yield STARTED(15_000, `before ${number}`);
      else {
        const left = changed('b', 2, OrderStatus.CONFIRMED);
        if (number === 2) yield { resumeToken: '1', events: [changed('a', 1), changed('a', 2), left] };
        if (number === 2) {
          refuse(context, Status.OUT_OF_RANGE, 'gone', {
            info: { reason: 'RESUME_TOKEN_EXPIRED', metadata: {} },
          });
        }
        yield { resumeToken: '2', events: [changed('c', 2)] };
        yield { resumeToken: '3', signal: { $case: 'caughtUp', value: {} } };
      }
      await silence(context);
    },
  );
  const api = await startApi(t, [
    [503, { code: 'overloaded', detail: 'why' }],
    page([], null, null),
    page([listed('a', 1), listed('c', 1)], 'more'),
    [400, { code: 'validation_failed', detail: 'another replica' }],
    page([listed('a', 1), listed('c', 1), listed('d', 1)], 'more'),
    [200, '<html>'],
    page([listed('b', 1)]),
    // The second time, and then what has become of those that are not in it.
    page([listed('a', 4)]),
    page([listed('c', 3, 'shipped')]),
  ]);
  const tokenFile = join(await createTestFolder(), 'bearer');
  await writeFile(tokenFile, 'a.b.c\n');
  const env = { ORDER_STREAM_TOKEN_FILE: tokenFile };
  const view = await startPython<Followed>(t, 'follow.py', [address, api.url, 'pending'], env);
  const told = () =>
    view.shown.map((each) => `${each.kind} ${each.order_id}${each.order_version}`.replace(' 0', ''));
  await eventually(() => assert.equal(told().at(-1), 'complete'));
  assert.deepEqual(told(), [
    ...['listing', 'order a1', 'order c1', 'order d1', 'order b1', 'order a2', 'left b2'],
    ...['listing', 'order a4', 'left c3', 'left d1', 'complete'],
  ]);
  assert.equal(requests[0]?.filter?.matchPreviousStatus, true);
  const starts = requests.map(({ start }) => start?.position);
  assert.deepEqual(starts[1], { $case: 'resumeToken', value: 'before 1' });
  assert.deepEqual(starts.at(-1), { $case: 'resumeToken', value: `before ${requests.length - 1}` });
  assert.deepEqual(api.asked.at(-1)?.url.searchParams.getAll('order_ids').toSorted(), ['c', 'd']);
  assert.deepEqual(api.asked[6]?.url.searchParams.getAll('page_token'), ['more']);
  assert.deepEqual(new Set(api.asked.map(({ authorization }) => authorization)), new Set(['Bearer a.b.c']));
});

test('what the API refuses for good ends a view in Python', async (t) => {
  const { address } = await startScriptedGateway(t, async function* (_, { context }) {
    yield STARTED();
    await silence(context);
  });
  const api = await startApi(t, [[403, { code: 'forbidden', detail: 'not yours' }]]);
  const { ended } = await startPython(t, 'follow.py', [address, api.url]);
  const { code, stderr } = await ended;
  assert.equal(code, 1);
  assert.match(stderr, /ListRefused: 403 forbidden: not yours/);
});
