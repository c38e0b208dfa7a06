import { once } from 'node:events';
import { auditTopic } from '../load/topic-audit.ts';
import type { DeliveryVerdict } from '../load/delivery-record.ts';
import { type AcceptedChange, type OrderLoad, startOrderLoad } from '../load/order-load.ts';
import { eventually } from '../../test/harness/eventually.ts';
import { committedChanges } from '../../test/harness/committed-changes.ts';
import { startConsumers } from './consumers.ts';
import type { Observer } from './observer.ts';
import { startWatchers, type WatchListener } from './watchers.ts';

export interface TrafficOptions {
  readonly apiUrl: string;
  /** host:port of each gateway. */
  readonly gateways: readonly string[];
  readonly databaseUrl: string;
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly token?: () => Promise<string>;
  /** Consumers reject so many first deliveries: one of … */
  readonly rejectOneOf?: number;
  readonly listener?: WatchListener;
}

export interface RoundVerdict extends DeliveryVerdict {
  /** Committed during the round. */
  readonly events: number;
  /** Requests that were not answered with success. */
  readonly failedRequests: number;
  /** Events that a subscription was given again, which it may be (docs/guarantees.md). */
  readonly givenAgain: number;
  /** In which nothing came to some watcher, or to the subscription. */
  readonly longestSilenceMs: number;
  /** From the answer to the request to when the event had come to all watchers and the subscription, of the latest one. */
  readonly latestAfterMs: number;
  readonly recoveredAfterMs: number;
}

/** Orders are placed at a steady rate, watched, and consumed by a subscription, and whatever is committed is judged. */
export interface JudgedTraffic {
  /** Which of the gateways the first watcher gets its events from. */
  watchedGateway(): number;
  /** Whether each consumer has a share of the partitions. */
  areConsumersAtWork(): boolean;
  /** Runs `fault`, which injects something and mends it again, waits until everything flows again, and judges. Throws when it does not. */
  judge(fault: () => Promise<void>): Promise<RoundVerdict>;
  stop(): Promise<void>;
}

const LOAD = { workers: 8, changesPerSecond: 40 };
/** "By itself" has an end: what takes longer than the longest back-off several times over needs a person. */
const RECOVERY_DEADLINE_MS = 120_000;

export async function startJudgedTraffic(options: TrafficOptions): Promise<JudgedTraffic> {
  const { gateways, token } = options;
  const watchers = await startWatchers(gateways, token, options.listener);
  const consumers = startConsumers(gateways, token, options.rejectOneOf);
  const observers = [...watchers.observers, consumers.observer];
  const acceptedAtMs: number[] = [];
  let onAccepted: (change: AcceptedChange) => void = () => {};
  const load = startOrderLoad({
    ...{ apiUrl: options.apiUrl, ...LOAD, token },
    onAccepted(change) {
      acceptedAtMs.push(performance.now());
      onAccepted(change);
    },
  });

  /** Everything that was confirmed so far, and one change that is confirmed from now on, has come to everybody. */
  async function recovered(from: number): Promise<number> {
    const mendedMs = performance.now();
    const confirmed = Promise.withResolvers<AcceptedChange>();
    onAccepted = confirmed.resolve;
    await inTime(confirmed.promise, 'no change is confirmed');
    let pending = load.accepted.slice(from);
    await eventually(
      () => {
        pending = pending.filter((change) => observers.some((observer) => !observer.has(change)));
        if (pending.length > 0) throw new Error(`${pending.length} changes have not come to everybody`);
      },
      { deadlineMs: RECOVERY_DEADLINE_MS },
    );
    return performance.now() - mendedMs;
  }

  /** Of what has come: what has not is counted as lost, or belongs to the next round. */
  function latest(from: number, to: number): number {
    const times = load.accepted.slice(from, to).map((change, index) => {
      const came = Math.max(...observers.map((observer) => observer.cameAtMs(change)));
      return came === Infinity ? 0 : came - (acceptedAtMs[from + index] ?? came);
    });
    return Math.max(0, ...times);
  }

  let before = { events: 0, duplicated: 0, outOfOrder: 0 };
  return {
    watchedGateway: watchers.gatewayOfFirst,
    areConsumersAtWork: consumers.haveShares,
    async judge(fault) {
      const [from, failures, again] = [load.accepted.length, load.failures.length, consumers.givenAgain()];
      for (const observer of observers) observer.beginRound();
      await fault();
      const recoveredAfterMs = await recovered(from);
      const longestSilenceMs = Math.max(...observers.map((observer) => observer.longestSilenceMs()));
      const latestAfterMs = latest(from, load.accepted.length);
      const now = await judgeAll(options, load, observers);
      const verdict = {
        events: now.events - before.events,
        failedRequests: load.failures.length - failures,
        givenAgain: consumers.givenAgain() - again,
        missing: now.missing,
        duplicated: now.duplicated - before.duplicated,
        outOfOrder: now.outOfOrder - before.outOfOrder,
        ...{ longestSilenceMs, latestAfterMs, recoveredAfterMs },
      };
      before = now;
      return verdict;
    },
    async stop() {
      await load.stop();
      await Promise.all([watchers.stop(), consumers.stop()]);
    },
  };
}

/** The worse of topic, watchers and subscription. */
async function judgeAll(
  { databaseUrl, brokers, topic }: TrafficOptions,
  load: OrderLoad,
  observers: readonly Observer[],
): Promise<DeliveryVerdict & { readonly events: number }> {
  const accepted = [...load.accepted];
  const committed = await committedChanges(databaseUrl);
  const isCommitted = new Set(committed.map(({ orderId, version }) => `${orderId}/${version}`));
  const uncommitted = accepted.filter(({ orderId, version }) => !isCommitted.has(`${orderId}/${version}`));
  const missingSomewhere = () => Math.max(...observers.map((each) => each.verdict(committed).missing));
  // What is not there by then is lost.
  await eventually(
    () => {
      if (missingSomewhere() > 0) throw new Error('not everything has come');
    },
    { deadlineMs: RECOVERY_DEADLINE_MS, intervalMs: 250 },
  ).catch(() => undefined);
  const inTopic = await auditTopic(brokers, topic, committed);
  const all = [inTopic, ...observers.map((observer) => observer.verdict(committed))];
  return {
    events: committed.length,
    missing: Math.max(...all.map(({ missing }) => missing)) + uncommitted.length,
    duplicated: Math.max(...all.map(({ duplicated }) => duplicated)),
    outOfOrder: Math.max(...all.map(({ outOfOrder }) => outOfOrder)),
  };
}

async function inTime<T>(promise: Promise<T>, failure: string): Promise<T> {
  const signal = AbortSignal.timeout(RECOVERY_DEADLINE_MS);
  const tooLate = once(signal, 'abort').then(() => {
    throw new Error(`${failure} within ${RECOVERY_DEADLINE_MS / 1000} s`);
  });
  return await Promise.race([promise, tooLate]);
}
