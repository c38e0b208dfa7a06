import type { FigureRow } from '../bench/figure-table.ts';
import type { BenchContext, BenchPart } from './bench-part.ts';
import { DELIVERY_COLUMNS, type DeliveryPath, measureDelivery } from './delivery-measurement.ts';
import { openDeliveryPath } from './delivery-path.ts';
import { startGeneratedGateway } from './generated-gateway.ts';
import { WATCH_ORDERS_PATH } from './watch-load.ts';
import { encodeRequest } from './watch-requests.ts';

const WATCHERS = 1_000;
const SECONDS = 6;
const QUICK_SECONDS = 3;
const WARM_UP_SECONDS = 2;
const TOPIC = 'bench.generated';

/** Rates that each can bear on half a machine: one that cannot keep up has its deliveries counted, but late ones. */
const OURS = [20, 100, 1_000];
const GENERATED = [
  { name: 'generated, one event a message', maxBatch: 1, rates: [20] },
  { name: 'generated, what is there in a message', maxBatch: 256, rates: [20, 100, 300] },
];

/** The same stream through this gateway, and through one that hands every message to the generated code for every watcher. */
export const generatedPart: BenchPart = {
  name: 'generated',
  limitMs: 150_000,
  async run(context) {
    const path = await openDeliveryPath(context, TOPIC);
    const ours = await measureGateway(context, path, path.address, OURS, 'this one');
    const rows = [...ours];
    for (const { name, maxBatch, rates } of GENERATED) {
      const gateway = await startGeneratedGateway(context, TOPIC, maxBatch);
      rows.push(
        ...(await measureGateway(context, { ...path, pid: gateway.pid }, gateway.address, rates, name)),
      );
    }
    const best = (name: string) =>
      Math.max(
        ...rows.filter(({ gateway }) => gateway === name).map(({ perCpuSecond }) => Number(perCpuSecond)),
      );
    const notes = GENERATED.map(({ name }) => {
      const ratio = best('this one') / best(name);
      return `the most deliveries per CPU-second: this one has ${ratio.toFixed(1)} times those of "${name}"`;
    });
    return [
      {
        title: `Produced → received by ${WATCHERS} watchers, ms: this gateway, and one that encodes for each watcher`,
        columns: [
          { key: 'gateway', label: 'gateway' },
          { key: 'rate', label: 'events/s' },
          ...DELIVERY_COLUMNS,
        ],
        rows,
        notes,
      },
    ];
  },
};

async function measureGateway(
  context: BenchContext,
  path: DeliveryPath,
  address: string,
  rates: readonly number[],
  gateway: string,
): Promise<FigureRow[]> {
  const { watches } = path;
  const requests = [encodeRequest({})];
  await watches.connect({ address, path: WATCH_ORDERS_PATH, count: WATCHERS, requests, reads: true });
  const rows: FigureRow[] = [];
  for (const rate of rates) {
    context.step(`${gateway}: ${rate} events a second`);
    const measure = (seconds: number) =>
      measureDelivery(
        path,
        { eventsPerSecond: rate, count: rate * seconds },
        rate * seconds * WATCHERS,
        context.signal,
      );
    await measure(WARM_UP_SECONDS);
    const { row } = await measure(context.quick ? QUICK_SECONDS : SECONDS);
    rows.push({ gateway, rate, ...row });
  }
  await watches.disconnect();
  return rows;
}
