import type { OrderEvent } from '@order-events/order-stream';
import { createDeliveryRecord } from '../load/delivery-record.ts';
import { countGetRequests } from '../load/get-requests.ts';
import type { AcceptedChange } from '../load/order-load.ts';
import { percentile } from '../load/percentiles.ts';
import { startResumingWatch } from '../load/resuming-watch.ts';
import { auditTopic } from '../load/topic-audit.ts';
import { ORDER_TOPIC, type OrderSystem } from '../stack/order-system.ts';

export interface DemoRecorder {
  /** Changes that the API has confirmed. */
  readonly accepted: AcceptedChange[];
  /** Resolves when the subscriber has every confirmed change; rejects when `signal` aborts first. */
  caughtUp(signal: AbortSignal): Promise<void>;
  /** Latencies are kept from here on. */
  measureLatency(on: boolean): void;
  report(): Promise<DemoReport>;
  stop(): Promise<void>;
}

export interface DemoReport {
  readonly accepted: number;
  readonly delivered: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly outOfOrder: number;
  /** From the change in the API (before its commit) to the subscriber, while nothing is broken. */
  readonly latencyMs: { readonly p50: number; readonly p99: number };
  readonly pollingGets: number;
  readonly held: boolean;
}

/** A subscriber to everything, next to the one that prints, which counts what arrives against what the API has confirmed. */
export async function createDemoRecorder(system: OrderSystem): Promise<DemoRecorder> {
  const accepted: AcceptedChange[] = [];
  const record = createDeliveryRecord();
  const latenciesMs: number[] = [];
  let measuring = false;
  let delivered = 0;
  const onEvent = (event: OrderEvent) => {
    delivered += 1;
    record.deliver({ orderId: event.orderId, version: Number(event.orderVersion) });
    if (measuring && event.occurTime) latenciesMs.push(Date.now() - event.occurTime.getTime());
  };
  const watch = startResumingWatch({
    address: () => system.gateway.urls.grpc,
    token: system.token,
    onEvent,
  });
  await watch.started;

  return {
    accepted,
    measureLatency: (on) => (measuring = on),
    async caughtUp(signal) {
      while (record.verdict(accepted).missing > 0) {
        signal.throwIfAborted();
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    async report() {
      const topic = await auditTopic(system.kafka.brokers, ORDER_TOPIC, accepted);
      const stream = record.verdict(accepted);
      const lost = Math.max(topic.missing, stream.missing);
      const duplicated = Math.max(topic.duplicated, stream.duplicated);
      const outOfOrder = Math.max(topic.outOfOrder, stream.outOfOrder);
      const pollingGets = await countGetRequests(system.api.urls.admin, system.token);
      return {
        accepted: accepted.length,
        delivered,
        lost,
        duplicated,
        outOfOrder,
        latencyMs: { p50: percentile(latenciesMs, 50), p99: percentile(latenciesMs, 99) },
        pollingGets,
        held: accepted.length > 0 && lost + duplicated + outOfOrder + pollingGets === 0,
      };
    },
    stop: () => watch.stop(),
  };
}
