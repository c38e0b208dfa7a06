import assert from 'node:assert/strict';
import { eventually } from '../../test/harness/eventually.ts';
import type { AlertFault } from './alert-fault.ts';
import type { ObservedSystem } from './observed-system.ts';
import type { PrometheusServer } from './prometheus-server.ts';
import { WINDOW } from './shortened-rules.ts';

/** Far beyond what is waited for: a limit of a minute, and a machine that is busy with other things. */
const DEADLINE_MS = 10 * 60_000;
const LOOK_INTERVAL_MS = 500;
/** What a template makes of a label that is not there, or that it cannot read. */
const BROKEN_TEXT = /<no value>|<error expanding template|: \.$| {2}/;

export interface FaultResult {
  readonly firedAfterSeconds: number;
  readonly clearedAfterSeconds: number;
  /** Alerts that fired as well. */
  readonly others: readonly string[];
}

/** Injects a fault, waits until all of its alerts fire, mends it, and waits until none of them does. */
export async function runFault(
  { name, alerts, inject }: AlertFault,
  observed: ObservedSystem,
  server: PrometheusServer,
): Promise<FaultResult> {
  const others = new Set<string>();
  await untilFiring(server, alerts, false, others);
  others.clear();
  const brokenAtMs = performance.now();
  const mend = await inject(observed).catch((error: unknown) => {
    throw new Error(`${name}: could not be injected`, { cause: error });
  });
  try {
    await untilFiring(server, alerts, true, others);
  } finally {
    await mend();
  }
  const mendedAtMs = performance.now();
  await untilFiring(server, alerts, false, others);
  return {
    firedAfterSeconds: (mendedAtMs - brokenAtMs) / 1000,
    clearedAfterSeconds: (performance.now() - mendedAtMs) / 1000,
    others: [...others].sort(),
  };
}

/** Waits until every process is scraped, has been for as long as alerts look back, and no alert fires. */
export async function untilQuiet(server: PrometheusServer, processes: number): Promise<void> {
  const query = `count(min_over_time(up[${WINDOW}]) == 1 and count_over_time(up[${WINDOW}]) > 5)`;
  const quiet = async () => {
    const { result } = await server.ask<{ result: readonly { value: [number, string] }[] }>('query', {
      query,
    });
    assert.equal(result[0]?.value[1], String(processes), 'processes are scraped');
    assert.deepEqual([...(await firing(server))], []);
  };
  await eventually(quiet, {
    patienceMs: DEADLINE_MS,
    intervalMs: LOOK_INTERVAL_MS,
  });
}

async function untilFiring(
  server: PrometheusServer,
  alerts: readonly string[],
  wanted: boolean,
  others: Set<string>,
): Promise<void> {
  const wrong = async () => {
    const now = await firing(server);
    for (const other of now) if (!alerts.includes(other)) others.add(other);
    return alerts.filter((alert) => now.has(alert) !== wanted);
  };
  await eventually(async () => assert.deepEqual(await wrong(), [], wanted ? 'do not fire' : 'still fire'), {
    patienceMs: DEADLINE_MS,
    intervalMs: LOOK_INTERVAL_MS,
  });
}

async function firing(server: PrometheusServer): Promise<Set<string>> {
  const alerts = (await server.alerts()).filter(({ state }) => state === 'firing');
  for (const { labels, annotations } of alerts)
    for (const text of Object.values(annotations))
      assert.doesNotMatch(text, BROKEN_TEXT, `of ${labels['alertname'] ?? ''}`);
  return new Set(alerts.map(({ labels }) => labels['alertname'] ?? ''));
}
