import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { createMetricsRegistry } from '@order-events/runtime';
import { createCanaryMetrics } from './canary/canary-metrics.ts';
import { createBacklogMetrics } from './outbox/backlog-metrics.ts';
import { createRelayMetrics } from './relay-metrics.ts';

const read = (file: string) => readFileSync(path.join(import.meta.dirname, '../../..', file), 'utf8');

const DASHBOARD = read('ops/grafana/relay-dashboard.json');
const ALERTS = read('ops/prometheus/relay-alerts.yaml');
const RUNBOOK = read('docs/runbook.md');
const METRICS_PAGE = read('docs/metrics.md');

async function registered() {
  const registry = createMetricsRegistry('relay', '0');
  createRelayMetrics(registry);
  createBacklogMetrics(registry);
  createCanaryMetrics(registry, () => 0);
  return await registry.getMetricsAsJSON();
}

/** Every word that looks like a metric of the relay. */
function namedIn(text: string): string[] {
  return [...new Set(text.match(/\b(?:outbox|app)_[a-z0-9_]+/g))];
}

for (const [name, text] of [
  ['dashboard', DASHBOARD],
  ['alerts', ALERTS],
  ['runbook', RUNBOOK],
  ['page about metrics', METRICS_PAGE],
] as const) {
  test(`every metric that the ${name} names is there`, async () => {
    const known = new Set(
      (await registered()).flatMap((metric) =>
        String(metric.type) === 'histogram'
          ? [metric.name, ...['bucket', 'sum', 'count'].map((part) => `${metric.name}_${part}`)]
          : [metric.name],
      ),
    );
    const named = namedIn(text);
    assert.ok(named.length > 5);
    assert.deepEqual(
      named.filter((one) => !known.has(one)),
      [],
    );
  });
}

test('every metric of the relay has its line on the page, and every label too', async () => {
  const documented = new Set(namedIn(METRICS_PAGE));
  const own = (await registered()).filter(({ name }) => name.startsWith('outbox_'));
  assert.deepEqual(
    own.map(({ name }) => name).filter((name) => !documented.has(name)),
    [],
  );
});

test('every alert has a summary and a section of the runbook, and every section an alert', () => {
  const alerts = ALERTS.split(/^ {6}- alert: /m).slice(1);
  const sections = [...RUNBOOK.matchAll(/^### (\w+)$/gm)].map((match) => match[1] ?? '');
  const names = alerts.map((alert) => {
    const name = alert.split('\n')[0] ?? '';
    assert.match(alert, /summary: \S/, name);
    assert.ok(alert.includes(`runbook_url: docs/runbook.md#${name.toLowerCase()}`), name);
    return name;
  });
  assert.ok(names.length >= 10);
  assert.deepEqual(names.sort(), sections.sort());
});

test('the dashboard is one that Grafana takes: unique panels, each with an expression', () => {
  const { panels } = JSON.parse(DASHBOARD) as {
    panels: { id: number; type: string; title: string; targets?: { expr: string }[] }[];
  };
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  for (const { type, title, targets } of panels) {
    if (type !== 'row') assert.ok(targets?.every(({ expr }) => expr.length > 0) && targets.length > 0, title);
  }
});
