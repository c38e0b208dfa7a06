import assert from 'node:assert/strict';
import test from 'node:test';
import {
  createOrderStreamClient,
  decodeErrorDetails,
  type ErrorDetails,
  RESUME_TOKEN_TRAILER,
  watchOrders,
} from '@order-events/order-stream';
import { Status } from 'nice-grpc-common';
import { eventually } from '../../../test/harness/index.ts';
import { paced } from '../../../test/harness/paced.ts';
import { recordConsume } from '../testing/consume-recorder.ts';
import { CONSUMER, inMs, startGuardedGateway, WATCHER } from '../testing/guarded-gateway.ts';
import { orderEvent } from '../testing/order-events.ts';
import { openRawWatch } from '../testing/raw-watch.ts';
import type { StreamEnd } from '../testing/stream-recorder.ts';
import { failureOf } from '../testing/subscription-calls.ts';

const LIFE_MS = 10_000;
/** The gateway looks every quarter of a second; the rest is for a machine that is busy. */
const LATE_MS = 5_000;

function reasonOf({ trailer }: StreamEnd): string | undefined {
  return infoOf(decodeErrorDetails(trailer));
}

const infoOf = ({ info }: ErrorDetails) => info?.reason;

test('tokens of open streams', async (t) => {
  const gateway = await startGuardedGateway(t, {
    ACCESS_JWKS_KEPT_MS: '3000',
    GATEWAY_MAX_STREAMS_PER_PRINCIPAL: '4',
    GATEWAY_MAX_CALLS_PER_PRINCIPAL: '60',
  });
  const { as, app, issuer, produce } = gateway;
  const { grpc } = app.urls;

  await t.test(
    'end them with UNAUTHENTICATED and the place: idle, shared, blocked; after a notice',
    async () => {
      const exp = inMs(LIFE_MS);
      const expiresAtMs = exp * 1000;
      const idle = gateway.watch({}, await as({ ...WATCHER, exp }));
      const shared = recordConsume(t, grpc, { subscription: 'team-a.one' }, await as({ ...CONSUMER, exp }));
      const { authorization } = (await as({ ...WATCHER, exp })).metadata;
      const blocked = openRawWatch(t, grpc, { maxBatchSize: 1 }, 2_000, { authorization });
      await idle.signal('caughtUp');
      await shared.signal('started');
      await produce(...Array.from({ length: 40 }, () => orderEvent()));
      const { signal } = await idle.signal('accessExpiring');
      assert.ok(signal?.$case === 'accessExpiring' && (signal.value.remaining?.seconds ?? 99n) <= 2n);
      await shared.signal('accessExpiring');

      const end = await idle.ended;
      const lateMs = Date.now() - expiresAtMs;
      assert.ok(lateMs >= 0 && lateMs < paced(LATE_MS), `${lateMs} ms after the end`);
      assert.deepEqual([end.code, reasonOf(end)], [Status.UNAUTHENTICATED, 'ACCESS_EXPIRED']);
      assert.equal(end.trailer.get(RESUME_TOKEN_TRAILER), idle.token());
      const sharedEnd = await shared.ended;
      assert.deepEqual([sharedEnd.code, reasonOf(sharedEnd)], [Status.UNAUTHENTICATED, 'ACCESS_EXPIRED']);
      blocked.read();
      const { status, details, resumeToken } = await blocked.ended;
      // One that takes nothing for some seconds more is cut off.
      if (status !== undefined) {
        assert.deepEqual([status, infoOf(details)], [Status.UNAUTHENTICATED, 'ACCESS_EXPIRED']);
        assert.equal(resumeToken, blocked.messages().at(-1)?.resumeToken);
      }
    },
  );

  await t.test(
    'a client that asks a function goes on under load, without a gap and without a double',
    async () => {
      const subject = { ...WATCHER, sub: 'renewing' };
      let asked = 0;
      const stopping = new AbortController();
      const seen: string[] = [];
      const token = () => {
        asked += 1;
        return issuer.token({ ...subject, exp: inMs(4_000) });
      };
      const interruptions: string[] = [];
      const watching = (async () => {
        for await (const { events } of watchOrders({
          ...{ address: grpc, token, signal: stopping.signal, minRetryDelayMs: 1 },
          filter: { customerIds: ['renewing'] },
          start: { $case: 'earliest', value: true },
          onInterruption: (cause) => interruptions.push(String(cause)),
        }))
          seen.push(...events.map(({ eventId }) => eventId));
      })();
      const sent: string[] = [];
      while (asked < 4) {
        const events = Array.from({ length: 20 }, () => orderEvent({ customerId: 'renewing' }));
        await produce(...events);
        sent.push(...events.map(({ eventId }) => eventId));
      }
      await eventually(() => assert.ok(seen.length >= sent.length));
      stopping.abort();
      await watching;
      assert.deepEqual(seen.toSorted(), sent.toSorted());
      t.diagnostic(
        `${sent.length} events over ${asked} tokens; left because of: ${[...new Set(interruptions)].join(', ')}`,
      );
    },
  );

  await t.test('one subject has so many streams, and so many calls, whatever others have', async () => {
    const many = await as({ ...WATCHER, sub: 'many' });
    const open = Array.from({ length: 4 }, () => gateway.watch({}, many));
    await Promise.all(open.map((stream) => stream.signal('started')));
    const fifth = await gateway.watch({}, many).ended;
    assert.deepEqual(
      [fifth.code, reasonOf(fifth)],
      [Status.RESOURCE_EXHAUSTED, 'TOO_MANY_STREAMS_OF_PRINCIPAL'],
    );
    await gateway.watch({}, await as({ ...WATCHER, sub: 'another' })).signal('started');

    const { client, close } = createOrderStreamClient(grpc, many);
    t.after(close);
    const failures = await Promise.all(
      Array.from({ length: 70 }, () =>
        failureOf((options) => client.getReplayRange({}, options)).catch(() => undefined),
      ),
    );
    const refused = failures.find((failure) => failure?.why === 'TOO_MANY_CALLS_OF_PRINCIPAL');
    assert.deepEqual(refused, {
      code: Status.RESOURCE_EXHAUSTED,
      why: 'TOO_MANY_CALLS_OF_PRINCIPAL',
      retries: true,
    });
    await Promise.all(open.map((stream) => stream.cancel()));
  });

  await t.test(
    'a key that is revoked ends its streams, one that is merely followed by another does not',
    async () => {
      const old = gateway.watch({}, await as({ ...WATCHER, sub: 'old key' }));
      await old.signal('started');
      await issuer.rotate();
      const renewed = await as({ ...WATCHER, sub: 'new key' });
      const { client, close } = createOrderStreamClient(grpc, renewed);
      t.after(close);
      // The keys were read before it was there, perhaps just before: then it is found after the pause between two looks.
      await eventually(() => client.getReplayRange({}), { intervalMs: 200 });
      const young = gateway.watch({}, renewed);
      await young.signal('started');
      await produce(orderEvent());
      await old.events(1);
      issuer.revokeFormer();
      const end = await old.ended;
      assert.deepEqual([end.code, reasonOf(end)], [Status.UNAUTHENTICATED, 'ACCESS_REVOKED']);
      assert.equal(end.trailer.get(RESUME_TOKEN_TRAILER), old.token());
      await young.events(1);
    },
  );

  await t.test(
    'keys that cannot be had for longer than they are kept: UNAVAILABLE, and open streams go on',
    async () => {
      const open = gateway.watch({}, await as({ ...WATCHER, sub: 'open' }));
      await open.signal('caughtUp');
      const { client, close } = createOrderStreamClient(grpc, await as({ ...WATCHER, sub: 'later' }));
      t.after(close);
      const ask = () => failureOf((options) => client.getReplayRange({}, options));
      await issuer.goAway();
      const unavailable = { code: Status.UNAVAILABLE, why: 'ACCESS_KEYS_UNAVAILABLE', retries: true };
      await eventually(async () => assert.deepEqual(await ask(), unavailable), {
        intervalMs: 500,
      });
      const event = orderEvent();
      await produce(event);
      await eventually(() => assert.ok(open.eventIds().includes(event.eventId)));
      await issuer.comeBack();
      await eventually(() => client.getReplayRange({}), { intervalMs: 500 });
    },
  );
});
