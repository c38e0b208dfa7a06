import type { CompleteMark } from '@order-events/messaging';
import { Gauge, type Registry } from 'prom-client';

export interface CompleteMetrics {
  /** All that is told at a time. */
  told(marks: readonly CompleteMark[]): void;
}

/** Measured on the monotonic clock, so that no clock that is wrong can hide a partition that stands still. */
export function createCompleteMetrics(registry: Registry): CompleteMetrics {
  let moved = new Map<number, { readonly throughMs: number; readonly atMs: number }>();
  new Gauge({
    name: 'outbox_complete_standing_seconds',
    help: 'Since the time last moved up to which a partition of this relay is complete.',
    labelNames: ['partition'],
    registers: [registry],
    collect() {
      this.reset();
      const nowMs = performance.now();
      for (const [partition, { atMs }] of moved) this.set({ partition }, (nowMs - atMs) / 1000);
    },
  });
  return {
    told(marks) {
      const atMs = performance.now();
      moved = new Map(
        marks.map(({ partition, throughMs }) => {
          const before = moved.get(partition);
          return [partition, before?.throughMs === throughMs ? before : { throughMs, atMs }];
        }),
      );
    },
  };
}
