import { Gauge, type Registry } from 'prom-client';
import type { SubscriptionReport } from './subscription/subscription-check.ts';
import type { SubscriptionLag } from './subscription/subscription-lags.ts';

/** Clients make up the names of subscriptions: only so many, those that are furthest behind in time, become labels. */
const NAMED = 10;

/** What the last look at all subscriptions has found; names and help texts are what operators see. */
export function registerSubscriptionGauges(
  registry: Registry,
  report: () => SubscriptionReport | undefined,
): void {
  const registers = [registry];
  const registeredAtMs = performance.now();
  const gauge = (name: string, help: string, value: (found: SubscriptionReport) => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        const found = report();
        if (found) this.set(value(found));
      },
    });
  const gaugeOfOldest = (name: string, help: string, value: (lag: SubscriptionLag) => number) =>
    new Gauge({
      name,
      help,
      labelNames: ['subscription'],
      registers,
      collect() {
        this.reset();
        for (const lag of report()?.lags.slice(0, NAMED) ?? [])
          this.set({ subscription: lag.name }, value(lag));
      },
    });
  gaugeOfOldest(
    'stream_subscription_unacknowledged_age_seconds',
    'Age of the oldest event that a subscription has not acknowledged; the ten oldest only.',
    ageSeconds,
  );
  gaugeOfOldest(
    'stream_subscription_unacknowledged_events',
    'Records that the same subscriptions have not acknowledged, before filtering.',
    ({ unacknowledgedEvents }) => Number(unacknowledgedEvents),
  );
  gauge(
    'stream_subscription_unacknowledged_age_seconds_max',
    'Age of the oldest event that any subscription has not acknowledged.',
    ({ lags: [oldest] }) => (oldest ? ageSeconds(oldest) : 0),
  );
  gauge(
    'stream_topic_retention_seconds',
    'How long the topic keeps events; 0 when it keeps them for ever or the user may not know.',
    ({ retention: { ms } = { ms: 0 } }) => (Number.isFinite(ms) ? ms / 1000 : 0),
  );
  new Gauge({
    name: 'stream_subscriptions_measurement_age_seconds',
    help: 'Since the subscriptions were looked at; before the first look, since the start.',
    registers,
    collect() {
      // Whoever could never look, as without the right to, must not seem to have done so just now.
      this.set((performance.now() - (report()?.measuredAtMs ?? registeredAtMs)) / 1000);
    },
  });
}

function ageSeconds({ oldestLogTimeMs }: SubscriptionLag): number {
  return oldestLogTimeMs === undefined ? 0 : Math.max(0, Date.now() - oldestLogTimeMs) / 1000;
}
