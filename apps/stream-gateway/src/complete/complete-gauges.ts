import { Gauge, type Registry } from 'prom-client';
import type { OrderLogView } from '../log/order-log.ts';
import { positionAt } from '../position/log-position.ts';
import { type CompleteMarks, completeThroughMs } from './stream-completeness.ts';

export interface CompleteGauges {
  /** Marks have come. */
  taken(): void;
}

/**
 * How fresh streams are that have read everything: true as well while nothing happens. While it was never known, only how long it
 * has stood still has a value, or nobody would be told of a gateway that cannot read the marks.
 */
export function createCompleteGauges(
  registry: Registry,
  marks: CompleteMarks,
  log: Pick<OrderLogView, 'edge'>,
): CompleteGauges {
  const createdAtMs = performance.now();
  let moved: { readonly throughMs: number; readonly atMs: number } | undefined;

  function look(): void {
    const edge = log.edge();
    const throughMs = edge && completeThroughMs(marks, positionAt(edge));
    if (throughMs === undefined || throughMs <= (moved?.throughMs ?? Number.NEGATIVE_INFINITY)) return;
    moved = { throughMs, atMs: performance.now() };
  }

  new Gauge({
    name: 'stream_complete_lag_seconds',
    help: 'How far the time up to which the live edge is complete is behind the clock of this host; it is a time of the database.',
    registers: [registry],
    collect() {
      look();
      if (moved) this.set((Date.now() - moved.throughMs) / 1000);
      else this.remove();
    },
  });
  new Gauge({
    name: 'stream_complete_standing_seconds',
    help: 'Since the time last moved up to which the live edge is complete; before it was known, since the start.',
    registers: [registry],
    collect() {
      look();
      this.set((performance.now() - (moved?.atMs ?? createdAtMs)) / 1000);
    },
  });
  return { taken: look };
}
