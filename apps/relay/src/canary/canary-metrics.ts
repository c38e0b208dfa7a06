import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

export interface CanaryMetrics {
  arrived(seconds: number): void;
  lost(): void;
}

/** `waitingSeconds` is asked at each scrape. */
export function createCanaryMetrics(registry: Registry, waitingSeconds: () => number): CanaryMetrics {
  const registers = [registry];
  const duration = new Histogram({
    name: 'outbox_canary_seconds',
    help: 'From sending the insert of a canary to having read it from the topic.',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30],
    registers,
  });
  const last = new Gauge({ name: 'outbox_canary_last_seconds', help: 'The last of them.', registers });
  const lost = new Counter({
    name: 'outbox_canary_lost_total',
    help: 'Canaries that could not be sent, or were not read in time.',
    registers,
  });
  new Gauge({
    name: 'outbox_canary_waiting_seconds',
    help: 'Since the first canary was sent that has no arrival after it; 0 when the last one has arrived.',
    registers,
    collect() {
      this.set(waitingSeconds());
    },
  });
  return {
    arrived(seconds) {
      duration.observe(seconds);
      last.set(seconds);
    },
    lost: () => lost.inc(),
  };
}
