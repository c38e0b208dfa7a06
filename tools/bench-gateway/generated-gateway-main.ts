import { createLogReader, type LogRecord } from '@order-events/messaging';
import {
  type OrderEvent,
  OrderStreamServiceDefinition,
  WatchOrdersResponse,
} from '@order-events/order-stream';
import { createServer } from 'nice-grpc';
import { readLogEvent } from '../../apps/stream-gateway/src/log/log-event.ts';

// The gateway that one finds in most tutorials, for comparison: each watcher has a queue, and each message is handed to the generated
// code, which copies and encodes it for each watcher. It has no history, no limits, and its tokens are a constant.

const [topic = '', broker = '', maxBatch = '1'] = process.argv.slice(2);
const TOKEN = 'A'.repeat(90);
const { watchOrders } = OrderStreamServiceDefinition.methods;
const definition = { ...OrderStreamServiceDefinition, methods: { watchOrders } } as const;

interface Watcher {
  queue: OrderEvent[];
  wake: () => void;
}

const watchers = new Set<Watcher>();
const stopping = new AbortController();
const server = createServer();
server.add(definition, { watchOrders: (_request, { signal }) => watch(signal) });
const port = await server.listen('127.0.0.1:0');
const reader = createLogReader({ brokers: [broker], clientId: 'generated-gateway', topic });
const following = reader.follow(
  await reader.offsets('latest'),
  {
    onBatch({ records }) {
      const events = records.map(decode);
      for (const watcher of watchers) {
        watcher.queue.push(...events);
        watcher.wake();
      }
    },
    onAvailable: () => {},
    onUnavailable: () => {},
    onOutOfRange: (_partition, start) => start,
  },
  stopping.signal,
);
process.once('disconnect', () => {
  stopping.abort();
  server.forceShutdown();
  void following.then(() => process.exit());
});
process.send?.(port);

async function* watch(signal: AbortSignal): AsyncGenerator<WatchOrdersResponse, void, undefined> {
  const watcher: Watcher = { queue: [], wake: () => {} };
  watchers.add(watcher);
  signal.addEventListener('abort', () => watcher.wake());
  try {
    yield { events: [], resumeToken: TOKEN, signal: undefined };
    while (!signal.aborted) {
      const events = watcher.queue.splice(0, Number(maxBatch));
      if (events.length > 0) yield { events, resumeToken: TOKEN, signal: undefined };
      else await new Promise<void>((resolve) => (watcher.wake = resolve));
    }
  } finally {
    watchers.delete(watcher);
  }
}

function decode(record: LogRecord): OrderEvent {
  const [event] = WatchOrdersResponse.decode(readLogEvent(record).encoded).events;
  if (!event) throw new Error('the event is gone');
  return event;
}
