import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { ensureHeldTopic } from '@order-events/messaging';
import type { OrderEvent } from '@order-events/order-stream';
import { monotonicMs } from '../bench/monotonic-clock.ts';
import { connectSoakProducer, type SoakProducer } from './produce-events.ts';
import { consumeAndReject, handleAndReject } from './rejecting-consumer.ts';
import { chooseRejection } from './rejection-choice.ts';
import { createRejectionJudge, type RejectionJudge } from './rejection-judge.ts';
import type { RejectionStep } from './rejection-step.ts';
import { soakEventMadeAtMs } from './soak-event.ts';
import { startSoakGateways, type SoakGateways } from './soak-gateways.ts';
import { createSoakLog, type SoakLog } from './soak-log.ts';
import { leftBehind, type SoakOperator, startSoakOperator } from './soak-operator.ts';

export interface RejectionSoakOptions {
  readonly brokers: readonly string[];
  /** It is there already. */
  readonly topic: string;
  readonly partitions: number;
  readonly orders: number;
  readonly gateways: number;
  /** Every third one by `handleOrders`, the others by `consumeOrders`, which tells more. */
  readonly consumers: number;
  readonly workMs: () => number;
  readonly seed: number;
  /** Sees each step after the judge. */
  readonly onStep?: (step: RejectionStep) => void;
}

/** A first delivery, for whoever measures. */
export interface FirstDelivery {
  readonly event: number;
  readonly order: number;
  readonly latencyMs: number;
}

export interface RejectionSoak {
  readonly log: SoakLog;
  readonly judge: RejectionJudge;
  readonly producer: SoakProducer;
  readonly gateways: SoakGateways;
  readonly operator: SoakOperator;
  interruptions(): number;
  /** Deliveries that a consumer rejected, whatever the server made of it. */
  rejections(): number;
  /** Share of the deliveries that are rejected from now on. */
  rejectShare(share: number): void;
  /** Told of each event that comes for the first time, until somebody else is. */
  watchFirstDeliveries(onDelivery: (delivery: FirstDelivery) => void): void;
  /** Orders of which an event was rejected since `rejectShare` was called. */
  readonly rejectedOrders: ReadonlySet<number>;
  /** Waits until all events are handled and nothing is held. Throws when that makes no progress. */
  settle(signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
}

/** Kafka notices a member that was killed after this time; the shortest that a busy machine can keep. */
const SESSION_MS = 6_000;
/** A rebalance takes a session, and each event that is set aside twice a round of the operator. */
const NO_PROGRESS_MS = 90_000;
/** Where Kafka and the gateways have nothing more, what is not handled soon is lost. */
const NOTHING_LEFT_MS = 20_000;
const SHOWN_VIOLATIONS = 10;

/** Gateways, consumers that reject, and an operator who has what was set aside sent again. */
export async function startRejectionSoak(options: RejectionSoakOptions): Promise<RejectionSoak> {
  const { brokers, topic, partitions, orders, seed } = options;
  const held = { topic, partitions, replicationFactor: 1 };
  await ensureHeldTopic({ brokers: [...brokers], clientId: 'soak' }, held, AbortSignal.timeout(30_000));
  const log = createSoakLog();
  const judge = createRejectionJudge(log);
  const unhandledCount = () => log.orderOf.length - judge.handledCount();
  const producer = await connectSoakProducer({ brokers, topic, partitions, orders, log, unhandledCount });
  const gateways = await startSoakGateways(options.gateways, {
    KAFKA_BROKERS: brokers.join(','),
    KAFKA_TOPIC: topic,
    GATEWAY_CONSUMER_SESSION_MS: String(SESSION_MS),
  });
  const subscription = `soak.${randomUUID()}`;
  const leaving = new AbortController();
  const seen = new Set<number>();
  const rejectedOrders = new Set<number>();
  let share = 0;
  let interruptions = 0;
  let rejections = 0;
  let onDelivery: (delivery: FirstDelivery) => void = () => {};

  function onStep(step: RejectionStep, event?: OrderEvent): void {
    judge.take(step);
    options.onStep?.(step);
    if (!event || 'order' in step || seen.has(step.event)) return;
    seen.add(step.event);
    const latencyMs = monotonicMs() - soakEventMadeAtMs(event);
    onDelivery({ event: step.event, order: log.orderOf[step.event] ?? -1, latencyMs });
  }

  function choose(event: number, attempt: number) {
    const choice = chooseRejection(seed, share, event, attempt);
    if (choice === 'handle') return choice;
    rejections += 1;
    rejectedOrders.add(log.orderOf[event] ?? -1);
    return choice;
  }

  const touched = new Set<number>();
  const consuming = Promise.all(
    Array.from({ length: options.consumers }, (_, index) =>
      (index % 3 === 2 ? handleAndReject : consumeAndReject)({
        ...{ name: `consumer ${index}`, address: gateways.anyAddress, subscription, touched },
        ...{ signal: leaving.signal, workMs: options.workMs, choose, onStep },
        onInterruption: () => void (interruptions += 1),
      }),
    ),
  );
  const failed = consuming.then(() => new Promise<never>(() => {}));
  failed.catch(() => {});
  const operator = startSoakOperator({
    ...{ gateways, subscription, onStep },
    orderNumber: producer.orderNumber,
  });
  return {
    ...{ log, judge, producer, gateways, operator, rejectedOrders },
    interruptions: () => interruptions,
    rejections: () => rejections,
    rejectShare(given) {
      share = given;
      rejectedOrders.clear();
    },
    watchFirstDeliveries: (told) => void (onDelivery = told),
    settle: (signal) => Promise.race([failed, settled({ log, judge, gateways, subscription }, signal)]),
    async stop() {
      leaving.abort();
      await operator.stop();
      await consuming.catch(() => {});
      await producer.close();
      await gateways.stop();
    },
  };
}

interface Settling {
  readonly log: SoakLog;
  readonly judge: RejectionJudge;
  readonly gateways: SoakGateways;
  readonly subscription: string;
}

async function settled({ log, judge, gateways, subscription }: Settling, signal: AbortSignal): Promise<void> {
  let last = '';
  let sinceMs = performance.now();
  for (;;) {
    signal.throwIfAborted();
    const unhandled = log.orderOf.length - judge.handledCount();
    const left = await leftBehind(gateways, subscription).catch(() => undefined);
    if (unhandled === 0 && left?.heldOrders === 0 && left.backlogEvents === 0) return;
    const state = JSON.stringify({ unhandled, left, repeated: judge.repeatedCount() });
    if (state !== last) [last, sinceMs] = [state, performance.now()];
    const isAway = left?.heldOrders === 0 && left.backlogEvents === 0;
    if (performance.now() - sinceMs > (isAway ? NOTHING_LEFT_MS : NO_PROGRESS_MS)) {
      const texts = judge
        .violations(true)
        .slice(0, SHOWN_VIOLATIONS)
        .map(({ promise, text }) => `${promise}: ${text}`);
      throw new Error(`it stands still: ${[state, ...texts].join('\n')}`);
    }
    await pause(200);
  }
}
