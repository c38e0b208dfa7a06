import { startBenchApi } from './bench-api.ts';
import type { BenchPart } from './bench-part.ts';
import { measuredTable } from './measured-table.ts';
import { CREATE, createOnce, LIST, placeOrders } from './order-requests.ts';

/** What each kind of request costs, and how long it takes. */
export const requestsPart: BenchPart = {
  name: 'requests',
  limitMs: 300_000,
  async run(context) {
    const { api } = await startBenchApi(context, 'bench_requests');
    const known = await placeOrders(api, 'open');
    const send = (request: Parameters<typeof api.send>[1]) => api.send('open', request);
    const ways = [
      { name: 'create', ask: () => send(CREATE) },
      { name: 'create with a key', ask: () => send(createOnce()) },
      { name: 'change', ask: () => send(known.change()) },
      { name: 'read', ask: () => send(known.read()) },
      { name: 'list 50', ask: () => send(LIST) },
    ];
    const title = 'Requests to the API as it comes';
    return [await measuredTable(context, api, { title, notes: ['no relay runs'] }, ways)];
  },
};
