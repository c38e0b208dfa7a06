import type { Finding } from '@order-events/outbox';
import { Gauge, type Registry } from 'prom-client';

/** What is wrong, by the rule of `outboxctl status`, as a gauge that alerts can name the reason from. */
export function createHealthMetrics(registry: Registry, findings: () => readonly Finding[]): void {
  new Gauge({
    name: 'outbox_findings',
    help: '1 for each thing that is wrong or worth knowing, as the status page tells it; none of severity halt or fault is healthy.',
    labelNames: ['name', 'severity'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { name, severity } of findings()) this.set({ name, severity }, 1);
    },
  });
}
