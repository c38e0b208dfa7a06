const STEPS_PER_MS = 10;
const MAX_MS = 60_000;

/** Counts latencies in steps of 0.1 ms; what is longer than a minute counts as a minute. */
export type LatencyHistogram = Uint32Array;

export function createLatencyHistogram(): LatencyHistogram {
  return new Uint32Array(MAX_MS * STEPS_PER_MS + 1);
}

export function addLatency(histogram: LatencyHistogram, ms: number): void {
  const step = Math.min(histogram.length - 1, Math.max(0, Math.floor(ms * STEPS_PER_MS)));
  histogram[step] = (histogram[step] ?? 0) + 1;
}

export function mergeLatencies(histograms: readonly LatencyHistogram[]): LatencyHistogram {
  const merged = createLatencyHistogram();
  for (const histogram of histograms) {
    for (const [step, count] of histogram.entries())
      if (count > 0) merged[step] = (merged[step] ?? 0) + count;
  }
  return merged;
}

/** The latency that a share of all does not exceed, in ms; NaN when there is none. */
export function latencyAt(histogram: LatencyHistogram, share: number): number {
  const total = histogram.reduce((sum, count) => sum + count, 0);
  const wanted = Math.max(1, Math.ceil(total * share));
  let seen = 0;
  for (const [step, count] of histogram.entries()) {
    seen += count;
    if (seen >= wanted) return (step + 1) / STEPS_PER_MS;
  }
  return Number.NaN;
}
