import { startBenchApi } from './bench-api.ts';
import type { BenchPart } from './bench-part.ts';
import { measuredTable } from './measured-table.ts';
import { CREATE, placeOrders } from './order-requests.ts';

/** What the outbox row costs whoever changes orders. */
export const outboxPart: BenchPart = {
  name: 'outbox',
  limitMs: 300_000,
  async run(context) {
    const { api } = await startBenchApi(context, 'bench_outbox');
    const known = await placeOrders(api, 'open');
    const notes = ['the same service twice in one process; one of them appends nothing and wakes nobody'];
    return [
      await measuredTable(
        context,
        api,
        { title: 'Creating orders, with and without the outbox row', notes },
        [
          { name: 'without', ask: () => api.send('without-outbox', CREATE) },
          { name: 'with', ask: () => api.send('open', CREATE) },
        ],
      ),
      await measuredTable(
        context,
        api,
        { title: 'Changing orders, with and without the outbox row', notes },
        [
          { name: 'without', ask: () => api.send('without-outbox', known.change()) },
          { name: 'with', ask: () => api.send('open', known.change()) },
        ],
      ),
    ];
  },
};
