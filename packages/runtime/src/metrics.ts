import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import { droppedLogLines } from './stdout-log.ts';

/** A registry with the process's own metrics `app_build_info` and `app_log_lines_dropped_total`; every part registers its metrics here. */
export function createMetricsRegistry(service: string, version: string): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'app_build_info',
    help: 'Always 1; the labels tell what runs.',
    labelNames: ['version', 'node'],
    registers: [registry],
  }).set({ version, node: process.versions.node }, 1);
  new Counter({
    name: 'app_log_lines_dropped_total',
    help: 'Lines of the log that were dropped because nobody read it.',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(droppedLogLines());
    },
  });
  return registry;
}
