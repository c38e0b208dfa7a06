import { Counter, Histogram, type Registry } from 'prom-client';

export interface ApiMetrics {
  readonly requestDuration: Histogram<'method' | 'route' | 'status'>;
  readonly appended: Counter<'event_type'>;
}

export function createApiMetrics(registry: Registry): ApiMetrics {
  return {
    requestDuration: new Histogram({
      name: 'http_server_request_duration_seconds',
      help: 'Time from a request to the end of its answer.',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
      registers: [registry],
    }),
    appended: new Counter({
      name: 'outbox_appended_total',
      help: 'Events written to the outbox; a transaction that is rolled back afterwards counts too.',
      labelNames: ['event_type'],
      registers: [registry],
    }),
  };
}
