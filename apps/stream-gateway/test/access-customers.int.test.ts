import assert from 'node:assert/strict';
import test from 'node:test';
import {
  createOrderStreamClient,
  decodeErrorDetails,
  OrderStreamAdminServiceDefinition,
  RESUME_TOKEN_TRAILER,
} from '@order-events/order-stream';
import { createChannel, createClient } from 'nice-grpc';
import { Metadata, Status } from 'nice-grpc-common';
import { recordConsume } from '../testing/consume-recorder.ts';
import { ADMIN, CONSUMER, startGuardedGateway, WATCHER } from '../testing/guarded-gateway.ts';
import { orderEvent } from '../testing/order-events.ts';
import type { StreamRecording } from '../testing/stream-recorder.ts';
import { failureOf, seek } from '../testing/subscription-calls.ts';

const EARLIEST = { start: { position: { $case: 'earliest', value: true } } } as const;
const ALICE = { ...WATCHER, sub: 'app of alice', customer_id: 'alice' };
const BOB = { ...WATCHER, sub: 'app of bob', customer_id: 'bob' };

/** Everything that a stream has said, as text. */
function wordsOf({ messages }: StreamRecording): string {
  return JSON.stringify(messages, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
}

test('two customers try to learn of each other', async (t) => {
  const gateway = await startGuardedGateway(t);
  const { as, app, produce } = gateway;
  const { grpc } = app.urls;
  const [alice, bob, staff] = [await as(ALICE), await as(BOB), await as(WATCHER)];
  const ofAlice = [orderEvent({ customerId: 'alice' }), orderEvent({ customerId: 'alice' })];
  const ofBob = Array.from({ length: 300 }, () => orderEvent({ customerId: 'bob' }));
  const [aliceIds, bobIds] = [ofAlice, ofBob].map((events) => events.map(({ eventId }) => eventId));
  await produce(...ofBob.slice(0, 150), ofAlice[0]!, ...ofBob.slice(150), ofAlice[1]!);
  const ofStaff = gateway.watch(EARLIEST, staff);
  await ofStaff.events(302);
  await ofStaff.signal('caughtUp');

  await t.test('a watch has the own events only, whatever it names, and no figure of the log', async () => {
    const everything = gateway.watch(EARLIEST, alice);
    const foreignOrder = { filter: { orderIds: [ofBob[0]!.order.orderId, ofAlice[0]!.order.orderId] } };
    const named = gateway.watch({ ...EARLIEST, ...foreignOrder }, alice);
    await everything.events(2);
    for (const stream of [everything, named]) await stream.signal('caughtUp');
    assert.deepEqual(everything.eventIds().toSorted(), aliceIds!.toSorted());
    assert.deepEqual(named.eventIds(), [ofAlice[0]!.eventId]);
    const live = orderEvent({ customerId: 'alice' });
    await produce(orderEvent({ customerId: 'bob' }), live);
    await everything.events(3);
    for (const event of everything.messages.flatMap(({ events }) => events)) {
      assert.deepEqual([event.customerId, event.partition, event.offset], ['alice', 0, 0n]);
    }
    const words = wordsOf(everything);
    assert.ok(!words.includes('bob') && !/"backlogEvents":"[^0]/.test(words), words.slice(0, 500));
    const tokenOfStaff = Buffer.from(ofStaff.token(), 'base64url');
    for (const { resumeToken } of everything.messages) {
      // The topic, which is in each token, is not to be seen in a sealed one.
      assert.ok(!Buffer.from(resumeToken, 'base64url').includes(tokenOfStaff.subarray(2, 18)));
    }
  });

  await t.test('naming another customer is refused, with or without the own', async () => {
    for (const customerIds of [['bob'], ['alice', 'bob'], ['nobody']]) {
      const { code, message, trailer } = await gateway.watch({ filter: { customerIds } }, alice).ended;
      assert.deepEqual(
        [code, decodeErrorDetails(trailer).info?.reason],
        [Status.PERMISSION_DENIED, 'ACCESS_FORBIDDEN'],
      );
      // The same whether there is such a customer or not.
      assert.equal(
        message,
        'the token is of one customer: leave filter.customer_ids out, or name that one alone',
      );
    }
  });

  await t.test('resume tokens of others, and of nobody, are all the same nothing', async () => {
    const watchFrom = (value: string, connection: typeof alice) =>
      gateway.watch({ start: { position: { $case: 'resumeToken', value } } }, connection);
    const own = gateway.watch({}, alice);
    await own.signal('caughtUp');
    const strangers = gateway.watch({}, bob);
    await strangers.signal('caughtUp');
    const text = 'the resume token was not given to this customer: pass one on as it was received';
    for (const foreign of [ofStaff.token(), strangers.token()]) {
      const { code, message, trailer } = await watchFrom(foreign, alice).ended;
      assert.deepEqual([code, trailer.get(RESUME_TOKEN_TRAILER)], [Status.INVALID_ARGUMENT, undefined]);
      assert.ok(message.endsWith(text), message);
    }
    assert.equal((await watchFrom(own.token(), staff).ended).code, Status.INVALID_ARGUMENT);
    const place = own.token();
    const next = orderEvent({ customerId: 'alice' });
    await produce(orderEvent({ customerId: 'bob' }), next);
    assert.deepEqual(await watchFrom(place, alice).events(1), [next.eventId]);
  });

  await t.test('the replay range is of use and says nothing', async () => {
    const { client, close } = createOrderStreamClient(grpc, alice);
    t.after(close);
    const { earliestToken, earliestLogTime } = await client.getReplayRange({});
    assert.equal(earliestLogTime, undefined);
    const again = gateway.watch(
      { start: { position: { $case: 'resumeToken', value: earliestToken } } },
      alice,
    );
    await again.events(2);
    assert.ok(!again.eventIds().some((id) => bobIds!.includes(id)));
  });

  await t.test(
    'subscriptions and streams of others: nothing with a token of a customer, whatever its scopes',
    async () => {
      const all = { scope: 'orders:watch orders:consume orders:admin', subscriptions: ['*'] };
      const greedy = await as({ ...ALICE, ...all });
      const shared = await recordConsume(t, grpc, { subscription: 'mine' }, greedy).ended;
      assert.equal(shared.code, Status.PERMISSION_DENIED);
      const { client, close } = createOrderStreamClient(grpc, greedy);
      t.after(close);
      for (const call of [client.listSubscriptions, client.getSubscription, client.deleteSubscription]) {
        const { code } = await failureOf((options) => call({ name: 'mine' }, options));
        assert.equal(code, Status.PERMISSION_DENIED);
      }
    },
  );

  await t.test(
    'a subscription is its owners: others neither open, see, move nor delete it, nor learn whether it is there',
    async () => {
      const owner = recordConsume(t, grpc, { subscription: 'team-a.work' }, await as(CONSUMER));
      owner.acknowledgeAll();
      await owner.received(1);
      owner.halfClose();
      await owner.ended;
      const ownerCalls = createOrderStreamClient(grpc, await as(CONSUMER));
      const other = await as({ ...CONSUMER, sub: 'team b', subscriptions: ['team-b.*'] });
      const otherCalls = createOrderStreamClient(grpc, other);
      t.after(ownerCalls.close);
      t.after(otherCalls.close);
      const namesOf = async ({ client }: typeof ownerCalls) =>
        (await client.listSubscriptions({})).subscriptions.map(({ name }) => name);
      assert.deepEqual([await namesOf(ownerCalls), await namesOf(otherCalls)], [['team-a.work'], []]);
      for (const name of ['team-a.work', 'team-a.none']) {
        const { client } = otherCalls;
        const failures = [
          await failureOf((options) => client.getSubscription({ name }, options)),
          await failureOf((options) => client.deleteSubscription({ name }, options)),
          await failureOf((options) => seek(client, name, { $case: 'latest', value: true }, options)),
        ];
        for (const { code, why } of failures)
          assert.deepEqual([code, why], [Status.PERMISSION_DENIED, 'ACCESS_FORBIDDEN']);
        const { code } = await recordConsume(t, grpc, { subscription: name }, other).ended;
        assert.equal(code, Status.PERMISSION_DENIED);
      }
      await ownerCalls.client.deleteSubscription({ name: 'team-a.work' });
      const done = app.logs().map((line) => JSON.stringify(line['audit']));
      const audited = {
        subject: 'consumer',
        action: 'DeleteSubscription',
        outcome: 'done',
        target: 'team-a.work',
      };
      assert.ok(done.includes(JSON.stringify(audited)));
    },
  );

  await t.test('an admin sees whose streams there are', async () => {
    const stream = gateway.watch({}, alice);
    await stream.signal('started');
    const { authorization } = (await as(ADMIN)).metadata;
    const channel = createChannel(app.urls.adminGrpc);
    t.after(() => channel.close());
    const admin = createClient(OrderStreamAdminServiceDefinition, channel);
    const { watchers } = await admin.listWatchers({}, { metadata: Metadata({ authorization }) });
    const found = watchers.find(({ principal }) => principal === 'app of alice');
    assert.deepEqual(found?.filter?.customerIds, ['alice']);
  });
});
