import type { BenchPart } from './bench-part.ts';
import { DELIVERY_COLUMNS, measureDelivery } from './delivery-measurement.ts';
import { openDeliveryPath } from './delivery-path.ts';
import { WATCH_ORDERS_PATH } from './watch-load.ts';
import { encodeRequest } from './watch-requests.ts';

const RATE = 100;
const SECONDS = 15;
const WARM_UP_SECONDS = 5;

/** How late a single watcher gets its events: what Kafka and the gateway need when nothing else is to be done. */
export const singlePart: BenchPart = {
  name: 'single',
  limitMs: 60_000,
  async run(context) {
    const path = await openDeliveryPath(context, 'bench.single');
    const { address } = path;
    await path.watches.connect({
      ...{ address, path: WATCH_ORDERS_PATH, count: 1, requests: [encodeRequest({})], reads: true },
    });
    const measure = (seconds: number) =>
      measureDelivery(path, { eventsPerSecond: RATE, count: RATE * seconds }, RATE * seconds, context.signal);
    context.step('warming up');
    await measure(WARM_UP_SECONDS);
    context.step(`${RATE} events a second`);
    const { row, usage } = await measure(context.quick ? WARM_UP_SECONDS : SECONDS);
    return [
      {
        title: `Produced → received by one watcher, ms, at ${RATE} events/s`,
        columns: DELIVERY_COLUMNS,
        rows: [row],
        notes: [usage],
      },
    ];
  },
};
