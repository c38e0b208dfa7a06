import type { AdminPage, Logger, Part } from '@order-events/runtime';
import type { Pool } from 'pg';
import type { Registry } from 'prom-client';
import packageJson from '../package.json' with { type: 'json' };
import type { RelayConfig } from './config.ts';
import { createBacklogMetrics } from './outbox/backlog-metrics.ts';
import { createBacklogReporter } from './outbox/backlog-reporter.ts';
import { createObservationHistory } from './status/observation-history.ts';
import { createStatusPage } from './status/status-page.ts';

const OBSERVATION_INTERVAL_MS = 2000;
/** What the status page plots: five minutes. */
const HISTORY_SAMPLES = 150;

export interface ObservingOptions {
  readonly config: RelayConfig;
  readonly pool: Pool;
  readonly registry: Registry;
  readonly owner: string;
  /** Why nothing is published, with the command that mends it. */
  readonly haltReason: () => string | undefined;
  readonly log: Logger;
}

/** Everything that looks on: it measures all relays in the tables, for /metrics and for the status page, and moves nothing. */
export function createObserving(options: ObservingOptions): { parts: Part[]; pages: AdminPage[] } {
  const { config, pool, registry, owner, haltReason, log } = options;
  const backlogMetrics = createBacklogMetrics(registry);
  const history = createObservationHistory(HISTORY_SAMPLES);
  const reporter = createBacklogReporter({
    pool,
    onObserved(observation) {
      backlogMetrics.observed(observation);
      history.add(observation);
    },
    log,
    intervalMs: OBSERVATION_INTERVAL_MS,
    oldTransactionMs: config.RELAY_OLD_TRANSACTION_MS,
  });
  const status = createStatusPage({
    owner,
    version: packageJson.version,
    history,
    samples: HISTORY_SAMPLES,
    intervalMs: OBSERVATION_INTERVAL_MS,
    oldTransactionMs: config.RELAY_OLD_TRANSACTION_MS,
    canary: () => undefined,
    haltReason,
  });
  return { parts: [reporter], pages: [status] };
}
