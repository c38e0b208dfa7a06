import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ensureTopic } from '@order-events/messaging';
import { machineText, thisMachine } from '../bench/machine.ts';
import { startEmbeddedKafka } from '../stack/index.ts';
import { compareLatencies } from './latency-rounds.ts';
import { type RejectionSoak, startRejectionSoak } from './rejection-soak.ts';

// Shared work with rejections: first in turns with and without them, then while gateways are killed. Ends with 1 when a promise is broken.

const PARTITIONS = 12;
const GATEWAYS = 3;
const LATENCY_PAIRS = 5;
/** Far beyond what a run takes: it ends by itself when it stands still. */
const LIMIT_MS = 7_200_000;

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '100000' },
    orders: { type: 'string', default: '10000' },
    rate: { type: 'string', default: '1000' },
    consumers: { type: 'string', default: '6' },
    'reject-percent': { type: 'string', default: '1' },
    'kill-every': { type: 'string', default: '5' },
    'work-ms': { type: 'string', default: '2' },
    'latency-events': { type: 'string', default: '3000' },
    'latency-rate': { type: 'string', default: '300' },
    seed: { type: 'string', default: '1' },
  },
});
const [events, orders, rate, consumers] = [
  Number(values.events),
  Number(values.orders),
  Number(values.rate),
  Number(values.consumers),
];
const rejectShare = Number(values['reject-percent']) / 100;
const stopped = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => stopped.abort(new Error('stopped by the user')));
}
const signal = AbortSignal.any([stopped.signal, AbortSignal.timeout(LIMIT_MS)]);

const kafka = await startEmbeddedKafka();
try {
  process.exitCode = await main();
} finally {
  await kafka.stop();
}

async function main(): Promise<number> {
  const topic = 'soak.rejections';
  const { brokers } = kafka;
  await ensureTopic({ brokers, clientId: 'soak' }, { topic, partitions: PARTITIONS, replicationFactor: 1 });
  const soak = await startRejectionSoak({
    ...{ brokers, topic, partitions: PARTITIONS, orders, gateways: GATEWAYS, consumers },
    ...{ seed: Number(values.seed), workMs: () => Math.random() * 2 * Number(values['work-ms']) },
  });
  try {
    const machine = thisMachine();
    console.log(`${machineText(machine)}, Node ${machine.node}, Kafka ${kafka.version} (one broker)`);
    console.log(
      `${GATEWAYS} gateways, ${consumers} consumers, ${orders} orders, ${rejectShare * 100} % rejected`,
    );
    await measureOthers(soak);
    await killGateways(soak);
    return report(soak);
  } finally {
    await soak.stop();
  }
}

async function measureOthers(soak: RejectionSoak): Promise<void> {
  const eventsPerSecond = Number(values['latency-rate']);
  const { p99Ratio } = await compareLatencies(
    soak,
    {
      ...{
        pairs: LATENCY_PAIRS,
        eventsOfRound: Number(values['latency-events']),
        eventsPerSecond,
        rejectShare,
      },
      onRound: ({ rejectShare: share, deliveries, p50Ms, p99Ms }) =>
        console.log(
          `  ${share * 100} % rejected: ${deliveries} events of other orders, p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`,
        ),
    },
    signal,
  );
  console.log(
    `p99 of other orders with rejections to without, at ${eventsPerSecond}/s: ${p99Ratio.toFixed(2)}`,
  );
}

async function killGateways(soak: RejectionSoak): Promise<void> {
  const killEveryMs = Number(values['kill-every']) * 1_000;
  let kills = 0;
  let isOver = false;
  soak.rejectShare(rejectShare);
  soak.watchFirstDeliveries(() => {});
  const before = soak.judge.handledCount();
  const beganMs = performance.now();
  const producing = soak.producer.produce(events, rate, signal).then(() => void (isOver = true));
  while (!isOver && killEveryMs > 0) {
    await Promise.race([producing, pause(killEveryMs)]);
    await soak.gateways.kill(kills % GATEWAYS);
    kills += 1;
    console.error(`… ${kills} kills, ${soak.judge.handledCount() - before} events handled`);
  }
  await producing;
  await soak.settle(signal);
  const seconds = (performance.now() - beganMs) / 1_000;
  console.log(`${events} events, ${kills} gateways killed, handled in ${seconds.toFixed(0)} s`);
}

function report({ judge, log, operator, interruptions, rejections }: RejectionSoak): number {
  const violations = judge.violations(true);
  const count = (...promises: string[]) =>
    violations.filter(({ promise }) => promises.includes(promise)).length;
  const figures = {
    'events appended': log.orderOf.length,
    'events handled': judge.handledCount(),
    'deliveries rejected': rejections(),
    'of consumeOrders: stored, to come again': judge.heldCount(),
    'of consumeOrders: stored, set aside': judge.setAsideCount(),
    'orders requeued by the operator': operator.requeuedCount(),
    'deliveries of what had come before': judge.repeatedCount(),
    'streams lost': interruptions(),
    lost: count('handled'),
    'out of order': count('ordered', 'arrived'),
    'overtook a held event': count('held'),
    'came again though set aside': count('waits'),
    'came again though stored': count('settled'),
    'with a wrong attempt': count('counted'),
  };
  for (const [name, figure] of Object.entries(figures)) console.log(`  ${name.padEnd(42)}${figure}`);
  for (const { promise, text } of violations.slice(0, 20)) console.log(`  ${promise}: ${text}`);
  return violations.length === 0 ? 0 : 1;
}
