import { setTimeout as pause } from 'node:timers/promises';
import { OrderStatus } from '@order-events/order-stream';
import { startOrderLoad } from '../load/order-load.ts';
import { startResumingWatch } from '../load/resuming-watch.ts';
import type { OrderSystem } from '../stack/order-system.ts';
import { printHeadline } from './demo-output.ts';
import type { DemoRecorder } from './demo-recorder.ts';

type Phase = (system: OrderSystem, recorder: DemoRecorder, signal: AbortSignal) => Promise<void>;

const LIVE_MS = 4_000;
const OUTAGE_MS = 4_000;
const KILLS = 3;
const BETWEEN_KILLS_MS = 2_000;

/** Orders at a calm rate, and a subscriber to two statuses that prints what reaches it. */
export const showLive: Phase = async (system, recorder, signal) => {
  printHeadline(
    'Orders are placed by REST; a subscriber to SHIPPED and CANCELLED prints what is pushed to it',
  );
  const watch = startResumingWatch({
    address: () => system.gateway.urls.grpc,
    token: system.token,
    filter: { statuses: [OrderStatus.SHIPPED, OrderStatus.CANCELLED] },
    onEvent(event) {
      const ageMs = event.occurTime ? Date.now() - event.occurTime.getTime() : 0;
      console.log(
        `  ${event.orderId}  v${event.orderVersion}  ${event.status.replace('ORDER_STATUS_', '').padEnd(9)}  ${ageMs} ms after the change`,
      );
    },
  });
  await watch.started;
  await loadFor(system, recorder, { workers: 3, changesPerSecond: 12 }, () =>
    pause(LIVE_MS, undefined, { signal }),
  );
  await recorder.caughtUp(signal);
  await watch.stop();

  recorder.measureLatency(true);
  const rate = 200;
  console.log(`  … and now ${rate} changes/s, measured`);
  await loadFor(system, recorder, { workers: 20, changesPerSecond: rate }, () =>
    pause(LIVE_MS, undefined, { signal }),
  );
  await recorder.caughtUp(signal);
  recorder.measureLatency(false);
};

/** Kafka ends; orders go on; Kafka returns; everything arrives. */
export const breakKafka: Phase = async (system, recorder, signal) => {
  printHeadline('Kafka is stopped; orders go on being placed');
  let acceptedWhileAway = 0;
  await loadFor(system, recorder, { workers: 10, changesPerSecond: 100 }, async () => {
    await system.kafka.stop();
    const before = recorder.accepted.length;
    await pause(OUTAGE_MS, undefined, { signal });
    acceptedWhileAway = recorder.accepted.length - before;
    console.log(`  ${acceptedWhileAway} changes accepted without Kafka; starting it again`);
    await system.kafka.start();
  });
  await recorder.caughtUp(signal);
  console.log('  all of them have reached the subscriber, in order');
};

/** kill -9 of the relay while it works. */
export const killRelay: Phase = async (system, recorder, signal) => {
  printHeadline(`The relay is killed (kill -9) ${KILLS} times under load`);
  await loadFor(system, recorder, { workers: 20, changesPerSecond: 200 }, async () => {
    for (let kill = 1; kill <= KILLS; kill++) {
      await pause(BETWEEN_KILLS_MS, undefined, { signal });
      console.log(`  kill -9 ${system.relay().pid}`);
      await system.replaceRelay();
    }
  });
  await recorder.caughtUp(signal);
  console.log('  all events have reached the subscriber');
};

async function loadFor(
  system: OrderSystem,
  recorder: DemoRecorder,
  rate: { workers: number; changesPerSecond: number },
  during: () => Promise<void>,
): Promise<void> {
  const load = startOrderLoad({
    apiUrl: system.api.urls.http,
    token: system.token,
    ...rate,
    onAccepted: (change) => recorder.accepted.push(change),
  });
  try {
    await during();
  } finally {
    await load.stop();
  }
  if (load.failures.length > 0)
    throw new Error(`${load.failures.length} REST requests failed, the first: ${load.failures[0]}`);
}
