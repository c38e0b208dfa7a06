import type { FigureRow } from '../bench/figure-table.ts';
import { withClient } from '../bench-relay/bench-servers.ts';
import { startBenchApi } from './bench-api.ts';
import type { BenchContext, BenchPart } from './bench-part.ts';
import { measureInTurns, ROUND_COLUMNS, ROUND_NOTE } from './interleaved-rounds.ts';
import { CREATE, LIST, placeOrders } from './order-requests.ts';

const FEW = 5_000;
const MANY = 5_000_000;
const QUICK_MANY = 100_000;
/** So many rows a statement, which has ten minutes at most wherever it runs. */
const ROWS_AT_ONCE = 250_000;
const CONCURRENCY = 8;

/** Whether requests get slower with the number of orders. */
export const tableSizePart: BenchPart = {
  name: 'table-size',
  limitMs: 1_800_000,
  async run(context) {
    const many = context.quick ? QUICK_MANY : MANY;
    const few = await startFilled(context, 'bench_few_orders', FEW);
    const full = await startFilled(context, 'bench_many_orders', many);
    const requests = [
      ['create', () => CREATE, () => CREATE],
      ['change', few.known.change, full.known.change],
      ['read', few.known.read, full.known.read],
      ['list 50', () => LIST, () => LIST],
    ] as const;
    const rows: FigureRow[] = [];
    const notes = [ROUND_NOTE];
    for (const [name, ofFew, ofMany] of requests) {
      const { rows: measured, note } = await measureInTurns(context, CONCURRENCY, [
        { name: `${name}, ${FEW} orders`, apiPid: few.api.pid, ask: () => few.api.send('open', ofFew()) },
        { name: `${name}, ${many} orders`, apiPid: full.api.pid, ask: () => full.api.send('open', ofMany()) },
      ]);
      rows.push(...measured);
      notes.push(`${name}, ${note}`);
    }
    return [{ title: 'Requests by the number of orders', columns: ROUND_COLUMNS, rows, notes }];
  },
};

async function startFilled(context: BenchContext, database: string, orders: number) {
  const bench = await startBenchApi(context, database);
  await fill(context, bench.databaseUrl, orders);
  return { ...bench, known: await placeOrders(bench.api, 'open') };
}

/** Orders of a thousand customers, one a second up to now. */
async function fill(context: BenchContext, databaseUrl: string, orders: number): Promise<void> {
  await withClient(databaseUrl, async (client) => {
    for (let filled = 0; filled < orders; filled += ROWS_AT_ONCE) {
      context.signal.throwIfAborted();
      context.step(`${filled} of ${orders} orders are there`);
      await client.query(
        `INSERT INTO orders (id, customer_id, status, version, currency, items, total_minor, created_at, updated_at)
         SELECT gen_random_uuid(), 'customer-' || n % 1000, 'delivered', 5, 'EUR',
           '[{"sku":"tea","quantity":2,"unit_price_minor":450}]', 900, placed, placed
         FROM generate_series($1::int, $2::int) AS n, LATERAL (SELECT now() - n * interval '1 second' AS placed) AS time`,
        [filled + 1, Math.min(orders, filled + ROWS_AT_ONCE)],
      );
    }
    await client.query('VACUUM ANALYZE orders');
  });
}
