import { createServer } from 'node:http';
import type { BenchContext, BenchPart } from './bench-part.ts';
import { startBenchApi } from './bench-api.ts';
import { measuredTable } from './measured-table.ts';
import { CREATE } from './order-requests.ts';

const UNRECORDED = { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00' };

/** What spans cost: none at all, those of a request that nobody records, and the two of one that somebody does. */
export const tracesPart: BenchPart = {
  name: 'traces',
  limitMs: 300_000,
  async run(context) {
    const { api } = await startBenchApi(context, 'bench_traces', await startSpanSink(context));
    const notes = ['every request has a traceparent; the endpoint takes all spans at once'];
    const unrecorded = { ...CREATE, headers: UNRECORDED };
    return [
      await measuredTable(context, api, { title: 'Creating orders, with and without spans', notes }, [
        { name: 'without an endpoint', ask: () => api.send('open', CREATE) },
        { name: 'not recorded', ask: () => api.send('traced', unrecorded) },
        { name: 'recorded', ask: () => api.send('traced', CREATE) },
      ]),
    ];
  },
};

/** Takes whatever is sent to it. Answers its URL. */
async function startSpanSink({ defer }: BenchContext): Promise<string> {
  const server = createServer((request, response) => {
    request.resume();
    request.once('end', () => response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  defer(async () => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return `http://127.0.0.1:${address.port}`;
}
