import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createOrderStreamClient } from '@order-events/order-stream';
import { startEventLoad } from '../../apps/stream-gateway/testing/event-load.ts';
import { createEventProducer } from '../../apps/stream-gateway/testing/event-producer.ts';
import { startGatewayReplicas } from '../harness/gateway-replicas.ts';
import { createTestTopic, eventually } from '../harness/index.ts';
import { assertComplete, assertResumesAnywhere } from '../watch-validation/read-to-end.ts';
import { readTopicLog } from '../watch-validation/read-topic-log.ts';
import { recordClient } from '../watch-validation/record-client.ts';
import { recordSubscription } from '../watch-validation/record-subscription.ts';
import { assertSubscriptionGuarantees } from '../watch-validation/subscription-guarantees.ts';

/** Two minutes by hand: CHAOS_GATEWAYS_MS=120000. */
const DURATION_MS = Number(process.env['CHAOS_GATEWAYS_MS'] ?? 20_000);
const KILL_EVERY_MS = 5_000;
const REPLICAS = 3;
const WATCHERS = 200;
const CUSTOMERS = 20;
const CONSUMERS_OF_EACH = 3;
const LOAD_PAUSE_MS = 50;
const SHORT_SESSION = { GATEWAY_CONSUMER_SESSION_MS: '6000' };
const SETTLED = { patienceMs: 90_000, intervalMs: 500 };

/** All of the log for every tenth watcher, the events of one customer for the others. */
const filterOf = (index: number) =>
  index % 10 === 0 ? {} : { customerIds: [`customer-${index % CUSTOMERS}`] };

test('one of three gateways killed every 5 s: no guarantee of a watch or of shared work is broken', async (t) => {
  const { brokers, topic } = await createTestTopic(t);
  const settings = { KAFKA_BROKERS: brokers.join(), KAFKA_TOPIC: topic, ...SHORT_SESSION };
  const gateways = await startGatewayReplicas(t, REPLICAS, settings);
  const address = gateways.anyAddress;
  const watchers = Array.from({ length: WATCHERS }, (_, index) =>
    recordClient(t, {
      client: `watcher ${index}`,
      address,
      filter: filterOf(index),
      heartbeatIntervalMs: 2_000,
    }),
  );
  await Promise.all(watchers.map(({ started }) => started));
  const subscriptions = [{}, { customerIds: ['customer-1', 'customer-2', 'customer-3'] }].map((filter) =>
    recordSubscription(t, {
      ...{ subscription: `test.${randomUUID()}`, filter, consumers: CONSUMERS_OF_EACH, address },
      work: () => pause(Math.random() * 20),
    }),
  );
  const { produce } = await createEventProducer(t, { brokers, topic });
  const load = startEventLoad(produce, LOAD_PAUSE_MS);
  t.after(() => load.stop());

  let kills = 0;
  const endAtMs = performance.now() + DURATION_MS;
  while (performance.now() < endAtMs) {
    const nextKill = pause(KILL_EVERY_MS);
    await gateways.restart(kills % REPLICAS, 'SIGKILL');
    kills += 1;
    await nextKill;
  }
  await load.stop();

  const log = await readTopicLog({ brokers, topic });
  const histories = () => watchers.map((watcher) => watcher.history());
  await eventually(() => assertComplete(histories(), log), SETTLED);
  for (const subscription of subscriptions) {
    await eventually(() => assertSubscriptionGuarantees(subscription.history(), log), SETTLED);
    await assertStored(address(), subscription.history().subscription);
  }
  for (const history of histories().slice(0, 2)) await assertResumesAnywhere(t, address(), history, log);
  const reconnects = watchers.reduce((sum, { interruptions }) => sum + interruptions.length, 0);
  assert.ok(reconnects >= (kills * WATCHERS) / REPLICAS / 2, `only ${reconnects} streams were lost`);
  t.diagnostic(
    `${kills} kills, ${log.partitions.flat().length} events, ${reconnects} reconnects of ${WATCHERS} watchers, ` +
      `${subscriptions.map((each) => each.interruptions()).join(' and ')} of the consumers`,
  );
});

/** What was acknowledged is stored in the end. */
async function assertStored(address: string, name: string): Promise<void> {
  const { client, close } = createOrderStreamClient(address);
  try {
    await eventually(async () => {
      const { subscription } = await client.getSubscription({ name });
      assert.equal(subscription?.backlogEvents, 0n);
    }, SETTLED);
  } finally {
    close();
  }
}
