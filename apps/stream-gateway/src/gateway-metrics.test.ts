import { createLogger, createMetricsRegistry } from '@order-events/runtime';
import { testOperatorPages } from '../../../test/harness/operator-pages.ts';
import { createWatchedLog } from '../testing/watched-log.ts';
import { createConsumeMetrics, registerConsumerGauge } from './consume-metrics.ts';
import { registerGatewayGauges } from './gateway-gauges.ts';
import { createGatewayMetrics } from './gateway-metrics.ts';
import { registerSubscriptionGauges } from './subscription-metrics.ts';

testOperatorPages({
  alertPrefix: 'Gateway',
  dashboard: 'ops/grafana/gateway-dashboard.json',
  alerts: 'ops/prometheus/gateway-alerts.yaml',
  metricPrefixes: ['stream', 'grpc_server'],
  register() {
    const registry = createMetricsRegistry('stream-gateway', '0');
    const { log, watches } = createWatchedLog();
    createGatewayMetrics(registry);
    registerGatewayGauges(registry, log, watches, { calls: () => 0 });
    registerConsumerGauge(registry, watches);
    registerSubscriptionGauges(registry, () => undefined);
    createConsumeMetrics(registry, createLogger({ service: 'test', level: 'silent' }));
    return registry;
  },
});
