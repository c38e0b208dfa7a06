import { startBenchApi } from './bench-api.ts';
import type { BenchPart } from './bench-part.ts';
import { measuredTable } from './measured-table.ts';
import { CREATE, placeOrders } from './order-requests.ts';

/** What access control costs: a token that is known already, and its scope. */
export const accessPart: BenchPart = {
  name: 'access',
  limitMs: 300_000,
  async run(context) {
    const { api } = await startBenchApi(context, 'bench_access');
    const known = await placeOrders(api, 'open');
    const notes = ['one token for all requests, as a service has it; without limits'];
    return [
      await measuredTable(
        context,
        api,
        { title: 'Creating orders, with and without access control', notes },
        [
          { name: 'without', ask: () => api.send('open', CREATE) },
          { name: 'with', ask: () => api.send('guarded', CREATE) },
        ],
      ),
      await measuredTable(context, api, { title: 'Reading orders, with and without access control', notes }, [
        { name: 'without', ask: () => api.send('open', known.read()) },
        { name: 'with', ask: () => api.send('guarded', known.read()) },
      ]),
    ];
  },
};
