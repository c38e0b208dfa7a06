import { createLogReader } from '@order-events/messaging';
import { type AdminPage, kafkaConnection, type Logger, type Part } from '@order-events/runtime';
import type { Pool } from 'pg';
import type { Registry } from 'prom-client';
import packageJson from '../package.json' with { type: 'json' };
import { type Canary, createCanary } from './canary/canary.ts';
import { createCanaryMetrics } from './canary/canary-metrics.ts';
import { insertCanary } from './canary/canary-writer.ts';
import type { RelayConfig } from './config.ts';
import type { FindingBoard } from './health/finding-board.ts';
import { createHealthMetrics } from './health/health-metrics.ts';
import { createHealthReporter } from './health/health-reporter.ts';
import { relayFindings } from './health/relay-health.ts';
import { createBacklogMetrics } from './backlog/backlog-metrics.ts';
import { createBacklogReporter } from './backlog/backlog-reporter.ts';
import { createObservationHistory, type ObservationHistory } from './status/observation-history.ts';
import { createStatusPage } from './status/status-page.ts';

const OBSERVATION_INTERVAL_MS = 2000;
/** What the status page plots: five minutes. */
const HISTORY_SAMPLES = 150;
const CANARY_LOST_AFTER_MS = 30_000;

export interface ObservingOptions {
  readonly config: RelayConfig;
  readonly pool: Pool;
  readonly registry: Registry;
  readonly owner: string;
  /** What this relay has found by itself. */
  readonly board: FindingBoard;
  readonly log: Logger;
}

/** Everything that looks on: it measures all relays in the tables, for /metrics and for the status page, and moves nothing. */
export function createObserving(options: ObservingOptions): { parts: Part[]; pages: AdminPage[] } {
  const { config, pool, registry, owner, board, log } = options;
  const backlogMetrics = createBacklogMetrics(registry);
  const history = createObservationHistory(HISTORY_SAMPLES);
  const reporter = createBacklogReporter({
    pool,
    owner,
    leaseMs: config.RELAY_LEASE_MS,
    onObserved(observation) {
      backlogMetrics.observed(observation);
      history.add(observation);
    },
    log,
    intervalMs: OBSERVATION_INTERVAL_MS,
    oldTransactionMs: config.RELAY_OLD_TRANSACTION_MS,
  });
  const canary = wantsCanary(config) ? createPathCanary(options, history) : undefined;
  const findings = () =>
    relayFindings({
      board,
      latest: () => history.latest(),
      leaseMs: config.RELAY_LEASE_MS,
      intervalMs: OBSERVATION_INTERVAL_MS,
      oldTransactionMs: config.RELAY_OLD_TRANSACTION_MS,
    });
  createHealthMetrics(registry, findings);
  const health = createHealthReporter({
    pool,
    owner,
    board,
    log,
    intervalMs: OBSERVATION_INTERVAL_MS,
    heldLockMs: config.RELAY_LEASE_MS,
  });
  const status = createStatusPage({
    owner,
    version: packageJson.version,
    history,
    samples: HISTORY_SAMPLES,
    intervalMs: OBSERVATION_INTERVAL_MS,
    oldTransactionMs: config.RELAY_OLD_TRANSACTION_MS,
    canary: () => canary?.reading(),
    findings,
  });
  return { parts: canary ? [reporter, health, canary] : [reporter, health], pages: [status] };
}

function wantsCanary(config: RelayConfig): boolean {
  return config.RELAY_CANARY_INTERVAL_MS > 0 && config.KAFKA_BROKERS.length > 0;
}

function createPathCanary(
  { config, pool, registry, owner, log }: ObservingOptions,
  history: ObservationHistory,
): Canary {
  const metrics = createCanaryMetrics(registry, () => canary.reading().waitingSeconds);
  const canary = createCanary({
    insert: (event) => insertCanary(pool, event),
    openReader: () =>
      createLogReader({ ...kafkaConnection(config), clientId: `${owner}-canary`, topic: config.KAFKA_TOPIC }),
    isRunning(partition) {
      const observed = history.latest()?.partitions.find((one) => one.partition === partition);
      return observed === undefined || observed.mode === 'running';
    },
    onArrived: (seconds) => metrics.arrived(seconds),
    onLost: () => metrics.lost(),
    log,
    intervalMs: config.RELAY_CANARY_INTERVAL_MS,
    lostAfterMs: CANARY_LOST_AFTER_MS,
  });
  return canary;
}
