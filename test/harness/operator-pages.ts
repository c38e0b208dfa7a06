import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { Registry } from 'prom-client';

export interface OperatorPagesOptions {
  /** Begins the names of its alerts and of their sections in the runbook. */
  readonly alertPrefix: string;
  /** Files from the root of the repository. */
  readonly dashboard: string;
  readonly alerts: string;
  /** What its metrics begin with, up to the first underscore. */
  readonly metricPrefixes: readonly string[];
  /** What begins likewise and is another process's. */
  readonly metricsOfOthers?: readonly string[];
  /** Registers all metrics of the process. */
  readonly register: () => Registry;
}

/** Of every process that has an endpoint for spans, and of no other. */
const OF_TRACING = 'app_spans_dropped_total';

const read = (file: string) => readFileSync(path.join(import.meta.dirname, '../..', file), 'utf8');

/** Tests that dashboard, alerts, runbook, the page about metrics and the metrics of a process fit together. */
export function testOperatorPages(options: OperatorPagesOptions): void {
  const { alertPrefix, metricPrefixes, metricsOfOthers = [], register } = options;
  const dashboard = read(options.dashboard);
  const alerts = read(options.alerts);
  const runbook = read('docs/runbook.md');
  const metricsPage = read('docs/metrics.md');
  const wholeWord = new RegExp(`\\b(?:${[...metricPrefixes, 'app'].join('|')})_[a-z0-9_]+`, 'g');
  /** Every word that looks like a metric of the process. */
  const namedIn = (text: string) => [...new Set(text.match(wholeWord))];

  const pages = { dashboard, alerts, runbook, 'page about metrics': metricsPage };
  for (const [name, text] of Object.entries(pages)) {
    test(`every metric that the ${name} names is there`, async () => {
      const known = new Set([...(await seriesNames(register())), ...metricsOfOthers, OF_TRACING]);
      const named = namedIn(text);
      assert.ok(named.length > 3, named.join(', '));
      assert.deepEqual(
        named.filter((one) => !known.has(one)),
        [],
      );
    });
  }

  test('every metric of its own has its line on the page', async () => {
    const documented = new Set(namedIn(metricsPage));
    const metrics = await register().getMetricsAsJSON();
    const own = metrics.filter(({ name }) => metricPrefixes.some((prefix) => name.startsWith(`${prefix}_`)));
    assert.ok(own.length > 10);
    assert.deepEqual(
      own.map(({ name }) => name).filter((name) => !documented.has(name)),
      [],
    );
  });

  // One that appears with its first event has no increase that an alert could see.
  test('every counter that an alert watches is there from the start', async () => {
    const watched = [...alerts.matchAll(/increase\(([a-z_]+)(?:\{(\w+)="(\w+)"\})?/g)];
    assert.ok(watched.length > 0);
    const registry = register();
    for (const [selector, name = '', label = '', value = ''] of watched) {
      const metric = (await registry.getMetricsAsJSON()).find((one) => one.name === name);
      const found = metric?.values.filter(({ labels }) => label === '' || labels[label] === value);
      assert.ok(found && found.length > 0, selector);
    }
  });

  test('every alert has a summary and a section of the runbook, and every section an alert', () => {
    const sections = [...runbook.matchAll(/^### (\w+)$/gm)]
      .map((match) => match[1] ?? '')
      .filter((section) => section.startsWith(alertPrefix));
    const names = alerts.split(/^ {6}- alert: /m).slice(1);
    const named = names.map((alert) => {
      const name = alert.split('\n')[0] ?? '';
      assert.match(alert, /summary: \S/, name);
      assert.ok(alert.includes(`runbook_url: docs/runbook.md#${name.toLowerCase()}`), name);
      return name;
    });
    assert.ok(named.length >= 8);
    assert.deepEqual(named.sort(), sections.sort());
  });

  test('the dashboard is one that Grafana takes: unique panels, each with an expression', () => {
    const { panels } = JSON.parse(dashboard) as {
      panels: { id: number; type: string; title: string; targets?: { expr: string }[] }[];
    };
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
    for (const { type, title, targets } of panels) {
      if (type !== 'row')
        assert.ok(targets?.every(({ expr }) => expr.length > 0) && targets.length > 0, title);
    }
  });
}

async function seriesNames(registry: Registry): Promise<string[]> {
  const metrics = await registry.getMetricsAsJSON();
  return metrics.flatMap((metric) =>
    String(metric.type) === 'histogram'
      ? [metric.name, ...['bucket', 'sum', 'count'].map((part) => `${metric.name}_${part}`)]
      : [metric.name],
  );
}
