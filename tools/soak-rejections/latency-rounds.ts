import { percentile } from '../load/percentiles.ts';
import type { RejectionSoak } from './rejection-soak.ts';

export interface LatencyRound {
  readonly rejectShare: number;
  /** First deliveries of orders of which nothing was rejected. */
  readonly deliveries: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface LatencyComparison {
  readonly rounds: readonly LatencyRound[];
  /** p99 with rejections to p99 of the round without that went before it; median of the pairs. */
  readonly p99Ratio: number;
}

export interface LatencyOptions {
  readonly pairs: number;
  readonly eventsOfRound: number;
  readonly eventsPerSecond: number;
  readonly rejectShare: number;
  readonly onRound: (round: LatencyRound) => void;
}

/** How late the events of other orders come, in turns without and with rejections, so that both see the same machine. */
export async function compareLatencies(
  soak: RejectionSoak,
  options: LatencyOptions,
  signal: AbortSignal,
): Promise<LatencyComparison> {
  const { pairs, rejectShare } = options;
  const rounds: LatencyRound[] = [];
  // What is used for the first time takes its time; it does not count.
  await measureRound(soak, options, rejectShare, signal);
  for (let pair = 0; pair < pairs; pair += 1) {
    for (const share of [0, rejectShare]) {
      const round = await measureRound(soak, options, share, signal);
      rounds.push(round);
      options.onRound(round);
    }
  }
  const ratios = rounds.flatMap(({ p99Ms }, index) =>
    index % 2 === 1 ? [p99Ms / (rounds[index - 1]?.p99Ms ?? Number.NaN)] : [],
  );
  return { rounds, p99Ratio: percentile(ratios, 50) };
}

async function measureRound(
  soak: RejectionSoak,
  { eventsOfRound, eventsPerSecond }: LatencyOptions,
  rejectShare: number,
  signal: AbortSignal,
): Promise<LatencyRound> {
  const byOrder = new Map<number, number[]>();
  soak.rejectShare(rejectShare);
  soak.watchFirstDeliveries(({ order, latencyMs }) => {
    const latencies = byOrder.get(order);
    if (latencies) latencies.push(latencyMs);
    else byOrder.set(order, [latencyMs]);
  });
  await soak.producer.produce(eventsOfRound, eventsPerSecond, signal);
  await soak.settle(signal);
  const latencies = [...byOrder].flatMap(([order, found]) => (soak.rejectedOrders.has(order) ? [] : found));
  return {
    ...{ rejectShare, deliveries: latencies.length },
    ...{ p50Ms: percentile(latencies, 50), p99Ms: percentile(latencies, 99) },
  };
}
