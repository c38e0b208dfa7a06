import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { createMetricsRegistry } from '@order-events/runtime';
import { createApiMetrics } from './api-metrics.ts';

const read = (file: string) => readFileSync(path.join(import.meta.dirname, '../../..', file), 'utf8');

// A metric with labels has no series before the first of them: what nobody has asked anything would count as absent.
test('the API is known to be there by a series that it has before the first request', async () => {
  const [, name = ''] = /absent\((\w+)\)/.exec(read('ops/prometheus/api-alerts.yaml')) ?? [];
  const registry = createMetricsRegistry('api', '0');
  createApiMetrics(registry);
  const metric = (await registry.getMetricsAsJSON()).find((one) => one.name === name);
  assert.equal(metric?.values.length, 1);
});

test('every alert of the API has a section of the runbook, and every section an alert', () => {
  const alerts = [...read('ops/prometheus/api-alerts.yaml').matchAll(/alert: (\w+)/g)].map(
    ([, name]) => name,
  );
  const sections = [...read('docs/runbook.md').matchAll(/^### (Api\w+)$/gm)].map(([, name]) => name);
  assert.ok(alerts.length > 0);
  assert.deepEqual(alerts, sections);
});
