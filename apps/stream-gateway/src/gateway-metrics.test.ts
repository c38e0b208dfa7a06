import { createLogger, createMetricsRegistry } from '@order-events/runtime';
import { testOperatorPages } from '../../../test/harness/operator-pages.ts';
import { createWatchedLog } from '../testing/watched-log.ts';
import { createConsumeMetrics, registerConsumerGauge } from './consume-metrics.ts';
import { registerGatewayGauges } from './gateway-gauges.ts';
import { createGatewayMetrics } from './gateway-metrics.ts';

testOperatorPages({
  alertPrefix: 'Gateway',
  dashboard: 'ops/grafana/gateway-dashboard.json',
  alerts: 'ops/prometheus/gateway-alerts.yaml',
  metricPrefixes: ['stream', 'grpc_server'],
  register() {
    const registry = createMetricsRegistry('stream-gateway', '0');
    const { log, watches } = createWatchedLog();
    createGatewayMetrics(registry);
    registerGatewayGauges(registry, log, watches);
    registerConsumerGauge(registry, watches);
    createConsumeMetrics(registry, createLogger({ service: 'test', level: 'silent' }));
    return registry;
  },
});
