import { Counter, Histogram, type Registry } from 'prom-client';

export interface ApiMetrics {
  readonly requestDuration: Histogram<'method' | 'route' | 'status'>;
  /** Requests that were one too many. */
  readonly refused: Counter;
  readonly accessRefused: Counter<'reason'>;
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
    refused: new Counter({
      name: 'http_server_requests_refused_total',
      help: 'Requests refused before they were read: API_MAX_REQUESTS were being answered.',
      registers: [registry],
    }),
    accessRefused: new Counter({
      name: 'http_access_refused_total',
      help: 'Requests refused because of who made them, or how many that one made.',
      labelNames: ['reason'],
      registers: [registry],
    }),
    appended: new Counter({
      name: 'outbox_appended_total',
      help: 'Events in the outbox, counted when their transaction has committed.',
      labelNames: ['event_type'],
      registers: [registry],
    }),
  };
}
