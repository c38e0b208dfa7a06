import assert from 'node:assert/strict';
import test from 'node:test';
import { OrderStreamAdminServiceDefinition, OrderStreamServiceDefinition } from '@order-events/order-stream';
import { findReflectingClient } from '../../../test/harness/find-reflecting-client.ts';
import { eventually } from '../../../test/harness/index.ts';
import type { ReflectedCall, ReflectingClient } from '../../../test/harness/reflecting-client.ts';
import { createReflectionClient } from '../../../test/harness/reflection-client.ts';
import { startGateway } from '../testing/gateway-app.ts';
import { orderEvent } from '../testing/order-events.ts';

const WATCH = 'orders.v1.OrderStreamService/WatchOrders';
const METHODS: Readonly<Record<string, readonly string[]>> = {
  'grpc.health.v1.Health': ['Check', 'Watch'],
  'orders.v1.OrderStreamService': methodsOf(OrderStreamServiceDefinition),
};
const ADMIN_METHODS = methodsOf(OrderStreamAdminServiceDefinition);

function methodsOf({ methods }: { readonly methods: Readonly<Record<string, { name: string }>> }): string[] {
  return Object.values(methods)
    .map(({ name }) => name)
    .toSorted();
}

/** grpcurl in both versions where it can be had, and clients of our own in any case. */
async function allClients(): Promise<ReflectingClient[]> {
  const found = [await findReflectingClient('v1'), await findReflectingClient('v1alpha')];
  const own = (['v1', 'v1alpha'] as const).map((version) => createReflectionClient(version, 'always run'));
  return [...found.filter(({ name }) => name.startsWith('grpcurl')), ...own];
}

interface JsonMessage {
  readonly events?: readonly { readonly eventId: string; readonly status: string }[];
  readonly started?: object;
}

function jsonMessages({ messages }: ReflectedCall): JsonMessage[] {
  return messages as JsonMessage[];
}

test('clients that know nothing of the contract list, check and watch, by both versions of reflection', async (t) => {
  const { app, produce } = await startGateway(t);
  const address = app.urls.grpc;
  for (const client of await allClients()) {
    t.diagnostic(client.name);
    const services = await client.listServices(address);
    assert.deepEqual(
      services.filter((name) => !name.startsWith('grpc.reflection.')).toSorted(),
      Object.keys(METHODS),
    );
    for (const [service, methods] of Object.entries(METHODS)) {
      assert.deepEqual(await client.describeService(address, service), methods, client.name);
    }
    const admin = 'orders.v1.OrderStreamAdminService';
    assert.deepEqual(await client.describeService(app.urls.adminGrpc, admin), ADMIN_METHODS, client.name);

    const check = client.call(address, 'grpc.health.v1.Health/Check', {
      service: 'orders.v1.OrderStreamService',
    });
    assert.equal((await check.ended).code, 'OK');
    assert.deepEqual(check.messages, [{ status: 'SERVING' }]);

    const watch = client.call(address, WATCH, { filter: { statuses: ['ORDER_STATUS_SHIPPED'] } });
    await eventually(() => assert.ok(jsonMessages(watch)[0]?.started, client.name));
    const shipped = orderEvent({ status: 'shipped', version: 4 });
    await produce(orderEvent(), shipped, orderEvent());
    const events = () => jsonMessages(watch).flatMap((message) => message.events ?? []);
    await eventually(() => assert.ok(events().length > 0, client.name));
    assert.deepEqual(
      events().map(({ eventId, status }) => [eventId, status]),
      [[shipped.eventId, 'ORDER_STATUS_SHIPPED']],
    );
    await watch.stop();

    const pending = { statuses: ['ORDER_STATUS_PENDING'], matchPreviousStatus: true };
    const leaving = client.call(address, WATCH, { filter: pending });
    await eventually(() => assert.ok(jsonMessages(leaving)[0]?.started, client.name));
    const left = orderEvent({ status: 'confirmed', previousStatus: 'pending' });
    await produce(orderEvent({ status: 'shipped', previousStatus: 'processing' }), left);
    const leavingEvents = () => jsonMessages(leaving).flatMap((message) => message.events ?? []);
    await eventually(() => assert.ok(leavingEvents().length > 0, client.name));
    assert.deepEqual(
      leavingEvents().map(({ eventId }) => eventId),
      [left.eventId],
    );
    await leaving.stop();
  }
});

test('they watch the health of the gateway, up to its end', async (t) => {
  const { app } = await startGateway(t);
  const clients = await allClients();
  const watches = clients.map((client) =>
    client.call(app.urls.grpc, 'grpc.health.v1.Health/Watch', { service: 'orders.v1.OrderStreamService' }),
  );
  t.after(() => Promise.all(watches.map((watch) => watch.stop())));
  for (const [index, { messages }] of watches.entries()) {
    await eventually(() => assert.deepEqual(messages, [{ status: 'SERVING' }], clients[index]!.name));
  }
  app.kill('SIGTERM');
  for (const [index, { messages, ended }] of watches.entries()) {
    assert.equal((await ended).code, 'Unavailable', clients[index]!.name);
    assert.deepEqual(messages, [{ status: 'SERVING' }, { status: 'NOT_SERVING' }], clients[index]!.name);
  }
});

test('what is wrong with a request is said to them in words', async (t) => {
  const { app } = await startGateway(t);
  for (const client of await allClients()) {
    const unknownStatus = client.call(app.urls.grpc, WATCH, { filter: { statuses: [99] } });
    const { code, message } = await unknownStatus.ended;
    assert.equal(code, 'InvalidArgument', client.name);
    assert.match(message, /^filter\.statuses\[0\]: must be one of ORDER_STATUS_PENDING, /);

    const badToken = client.call(app.urls.grpc, WATCH, { start: { resumeToken: 'xyz' } });
    assert.equal((await badToken.ended).code, 'InvalidArgument', client.name);
    const missing = client.call(app.urls.grpc, 'orders.v1.OrderStreamAdminService/ListWatchers', {});
    assert.equal((await missing.ended).code, 'Unimplemented', client.name);
  }
});
