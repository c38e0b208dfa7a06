import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { ensureHeldTopic } from '@order-events/messaging';
import { OrderStreamAdminServiceDefinition, type OrderEvent, toDuration } from '@order-events/order-stream';
import { createChannel, createClient } from 'nice-grpc';
import { eventually, startApp } from '../../../test/harness/index.ts';
import type { AppProcess } from '../../../tools/stack/index.ts';
import { type ConsumeRecording, recordConsume } from './consume-recorder.ts';
import { startGateway, type TestGateway } from './gateway-app.ts';
import { orderEvent } from './order-events.ts';

/** A gateway that is ready, so that operators are answered, and the place of what is held. */
export async function startWithHeldTopic(
  t: TestContext,
  env: Record<string, string> = {},
): Promise<TestGateway> {
  const gateway = await startGateway(t, env);
  const { brokers, topic } = gateway;
  const settings = { topic, partitions: 12, replicationFactor: 1 };
  await ensureHeldTopic({ brokers, clientId: 'test' }, settings, AbortSignal.timeout(30_000));
  await becomesReady(gateway.app);
  return gateway;
}

/** It knows the topic: until then it answers operators UNAVAILABLE, while streams wait. */
async function becomesReady({ urls }: Pick<AppProcess, 'urls'>): Promise<void> {
  await eventually(async () => assert.equal((await fetch(`${urls.admin}/readyz`)).status, 200));
}

/** The first delay is so long that nothing comes again by itself, unless the test says so. */
export const policy = (fields: { maxAttempts?: number; firstDelayMs?: number } = {}) => ({
  maxAttempts: fields.maxAttempts ?? 3,
  firstDelay: toDuration(fields.firstDelayMs ?? 3_600_000),
});

/** A stream that may reject. */
export const consume = (t: TestContext, address: string, subscription: string, rejectPolicy = policy()) =>
  recordConsume(t, address, { subscription, rejectPolicy });

/** Of the order, as they came. */
export const versions = (events: readonly OrderEvent[], orderId: string) =>
  events.filter((event) => event.orderId === orderId).map(({ orderVersion }) => Number(orderVersion));

export function reject(
  stream: ConsumeRecording,
  event: OrderEvent | undefined,
  decision?: 'set aside' | number,
): void {
  const eventId = event?.eventId ?? assert.fail('there is no event to reject');
  const value = {
    eventId,
    reason: 'unknown article',
    decision:
      decision === 'set aside'
        ? { $case: 'setAside' as const, value: true }
        : decision === undefined
          ? undefined
          : { $case: 'retryDelay' as const, value: toDuration(decision) },
  };
  stream.send({ request: { $case: 'reject', value } });
}

export const orderEvents = (orderId: string, ...given: number[]) =>
  given.map((version) => orderEvent({ orderId, version }));

export async function hasVersions(
  stream: ConsumeRecording,
  orderId: string,
  wanted: readonly number[],
): Promise<void> {
  await eventually(() => assert.deepEqual(versions(stream.events(), orderId), wanted));
}

/** A client of the operators' port of another replica, which is ready. */
export async function adminOfAnother(t: TestContext, { settings }: Pick<TestGateway, 'settings'>) {
  const app = await startApp(t, 'stream-gateway', settings);
  await becomesReady(app);
  return adminOf(t, app.urls.adminGrpc);
}

/** A client of the operators' port. */
export function adminOf(t: TestContext, address: string) {
  const channel = createChannel(address);
  t.after(() => channel.close());
  return createClient(OrderStreamAdminServiceDefinition, channel);
}
