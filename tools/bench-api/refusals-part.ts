import { startBenchApi } from './bench-api.ts';
import type { BenchPart } from './bench-part.ts';
import { measuredTable } from './measured-table.ts';

/** What a request costs that needs no database. */
export const refusalsPart: BenchPart = {
  name: 'refusals',
  limitMs: 120_000,
  async run(context) {
    const { api } = await startBenchApi(context, 'bench_refusals');
    const about = {
      title: 'Requests that need no database',
      notes: [
        'the first thousands of requests of a process cost several times as much: Node compiles what is used',
      ],
      concurrencies: [8],
    };
    const wrongToken = { authorization: 'Bearer nonsense' };
    return [
      await measuredTable(context, api, about, [
        { name: '404', ask: () => api.send('open', { method: 'GET', path: '/nothing', status: 404 }) },
        {
          name: '401',
          ask: () =>
            api.send('guarded', { method: 'GET', path: '/orders', headers: wrongToken, status: 401 }),
        },
        {
          name: '400',
          ask: () => api.send('open', { method: 'POST', path: '/orders', body: '{}', status: 400 }),
        },
      ]),
    ];
  },
};
