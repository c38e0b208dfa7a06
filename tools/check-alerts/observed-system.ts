import { ensureHeldTopic } from '@order-events/messaging';
import { consumeOrders } from '@order-events/order-stream';
import { startOrderLoad } from '../load/order-load.ts';
import { startResumingWatch } from '../load/resuming-watch.ts';
import { findFreePort } from '../stack/free-port.ts';
import { ORDER_TOPIC, type OrderSystem, startOrderSystem } from '../stack/order-system.ts';

/** The product at work: orders are placed and moved, watched, and consumed by a subscription that acknowledges. */
export interface ObservedSystem {
  readonly system: OrderSystem;
  /** `host:port` of the metrics of each process, also after it was replaced. */
  readonly targets: Readonly<Record<'api' | 'relay' | 'stream-gateway', string>>;
  stop(): Promise<void>;
}

const RATE = { workers: 4, changesPerSecond: 10 };

export async function startObservedSystem(say: (line: string) => void): Promise<ObservedSystem> {
  const ports = { api: await findFreePort(), relay: await findFreePort(), gateway: await findFreePort() };
  const system = await startOrderSystem({
    onStep: (step) => say(`starting ${step}`),
    env: {
      API_ADMIN_PORT: String(ports.api),
      RELAY_ADMIN_PORT: String(ports.relay),
      GATEWAY_ADMIN_PORT: String(ports.gateway),
      // Looks at what waits as often as it is looked at here.
      GATEWAY_SUBSCRIPTION_CHECK_MS: '1000',
      RELAY_CANARY_INTERVAL_MS: '1000',
    },
  });
  const stopping = new AbortController();
  try {
    await ensureHeldTopic(
      { brokers: system.kafka.brokers, clientId: 'check-alerts' },
      { topic: ORDER_TOPIC, partitions: 12, replicationFactor: 1 },
      AbortSignal.timeout(60_000),
    );
    const address = () => system.gateway.urls.grpc;
    const watch = startResumingWatch({ address, onEvent() {} });
    const consumed = consumeAll(address, stopping.signal);
    await watch.started;
    const load = startOrderLoad({ apiUrl: system.api.urls.http, ...RATE });
    return {
      system,
      targets: {
        api: `127.0.0.1:${ports.api}`,
        relay: `127.0.0.1:${ports.relay}`,
        'stream-gateway': `127.0.0.1:${ports.gateway}`,
      },
      async stop() {
        await load.stop();
        stopping.abort();
        await Promise.all([consumed, watch.stop()]);
        await system.stop();
      },
    };
  } catch (error) {
    stopping.abort();
    await system.stop();
    throw error;
  }
}

async function consumeAll(address: () => string, signal: AbortSignal): Promise<void> {
  for await (const { acknowledge } of consumeOrders({ address, subscription: 'billing', signal }))
    acknowledge();
}
