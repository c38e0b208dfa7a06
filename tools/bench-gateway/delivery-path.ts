import type { BenchContext } from './bench-part.ts';
import type { DeliveryPath } from './delivery-measurement.ts';
import { startEventLoad } from './event-load.ts';
import { startBenchGateway } from './gateway-process.ts';
import { startWatchLoad } from './watch-load.ts';
import { CUSTOMERS } from './watch-requests.ts';

const WATCHER_PROCESSES = 2;

export interface OpenPath extends DeliveryPath {
  /** `host:port` of the gateway. */
  readonly address: string;
  /** The value of a counter of the gateway. */
  metric(name: string): Promise<number>;
}

/** A topic, a gateway on it, a producer of events of so many customers, and processes for watchers. All end with the part. */
export async function openDeliveryPath(
  context: BenchContext,
  topic: string,
  env: Readonly<Record<string, string>> = {},
  customers = CUSTOMERS,
): Promise<OpenPath> {
  const { servers, defer } = context;
  await servers.createTopic(topic);
  const gateway = await startBenchGateway(context, topic, env);
  const events = await startEventLoad(servers.kafka.brokers, topic, customers);
  defer(() => events.stop());
  const watches = startWatchLoad(WATCHER_PROCESSES);
  defer(() => watches.stop());
  return {
    servers,
    pid: gateway.pid,
    address: gateway.urls.grpc,
    events,
    watches,
    async metric(name) {
      const text = await (await fetch(`${gateway.urls.admin}/metrics`)).text();
      const line = text.split('\n').find((candidate) => candidate.startsWith(`${name}{`));
      return Number(line?.split(' ').at(-1));
    },
  };
}
