import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createCertificateMetrics, createLogger, createMetricsRegistry } from '@order-events/runtime';
import { testOperatorPages } from '../../../test/harness/operator-pages.ts';
import { createWatchedLog } from '../testing/watched-log.ts';
import { createCompleteGauges } from './complete/complete-gauges.ts';
import { createConsumeMetrics, registerConsumerGauge, registerHeldGauges } from './consume-metrics.ts';
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
    const { log, watches, sources } = createWatchedLog();
    createCompleteGauges(registry, sources.complete, log);
    createGatewayMetrics(registry);
    createCertificateMetrics(registry);
    registerGatewayGauges(registry, log, watches, { calls: () => 0 });
    registerConsumerGauge(registry, watches);
    registerHeldGauges(registry, watches);
    registerSubscriptionGauges(registry, () => undefined);
    createConsumeMetrics(registry, createLogger({ service: 'test', level: 'silent' }));
    return registry;
  },
});

test('a gateway that has never learned how complete it is, nor looked at its subscriptions, is seen to be so', async () => {
  const registry = createMetricsRegistry('stream-gateway', '0');
  const { log, sources } = createWatchedLog();
  createCompleteGauges(registry, sources.complete, log);
  registerSubscriptionGauges(registry, () => undefined);
  const valuesOf = async (name: string) =>
    (await registry.getMetricsAsJSON()).find((one) => one.name === name)?.values.map(({ value }) => value);
  const standing = ['stream_complete_standing_seconds', 'stream_subscriptions_measurement_age_seconds'];
  const before = await Promise.all(standing.map(valuesOf));
  await pause(5);
  const after = await Promise.all(standing.map(valuesOf));
  for (const [index, name] of standing.entries())
    assert.ok(Number(after[index]?.[0]) > Number(before[index]?.[0]), name);
  assert.deepEqual(await valuesOf('stream_complete_lag_seconds'), []);
});
