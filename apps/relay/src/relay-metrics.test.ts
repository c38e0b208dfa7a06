import { createMetricsRegistry } from '@order-events/runtime';
import { testOperatorPages } from '../../../test/harness/operator-pages.ts';
import { createCanaryMetrics } from './canary/canary-metrics.ts';
import { createHealthMetrics } from './health/health-metrics.ts';
import { createBacklogMetrics } from './backlog/backlog-metrics.ts';
import { createRelayMetrics } from './relay-metrics.ts';

testOperatorPages({
  alertPrefix: 'Relay',
  dashboard: 'ops/grafana/relay-dashboard.json',
  alerts: 'ops/prometheus/relay-alerts.yaml',
  metricPrefixes: ['outbox'],
  metricsOfOthers: ['outbox_appended_total'],
  register() {
    const registry = createMetricsRegistry('relay', '0');
    createRelayMetrics(registry);
    createBacklogMetrics(registry);
    createHealthMetrics(registry, () => []);
    createCanaryMetrics(registry, () => 0);
    return registry;
  },
});
