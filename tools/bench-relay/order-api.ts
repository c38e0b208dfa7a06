import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { sampleOrder, SAMPLE_HEADERS } from '../bench/sample-orders.ts';
import type { Way } from './order-services.ts';

export type OrderApiUrls = Readonly<Record<Way, string>>;

export interface OrderApi {
  readonly pid: number;
  /** Resolves when an order is placed; rejects when it is refused. */
  post(way: Way): Promise<void>;
  stop(): Promise<void>;
}

const { customerId, currency, items } = sampleOrder(0);
const BODY = JSON.stringify({
  customer_id: customerId,
  currency,
  items: items.map(({ sku, quantity, unitPriceMinor }) => ({
    sku,
    quantity,
    unit_price_minor: unitPriceMinor,
  })),
});
const HEADERS = {
  ...SAMPLE_HEADERS,
  'content-type': 'application/json',
  'content-length': Buffer.byteLength(BODY),
};

/** Runs the API's HTTP server as a process of its own, and waits until it takes orders. Its log lines are written, and thrown away. */
export async function startOrderApi(databaseUrl: string): Promise<OrderApi> {
  const child = fork(join(import.meta.dirname, 'order-api-main.ts'), [databaseUrl], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: [],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error('could not run the order API');
  const exited = once(child, 'exit');
  const ended = exited.then(() => {
    throw new Error('the order API has ended');
  });
  ended.catch(() => undefined);
  const [message] = await Promise.race([once(child, 'message'), ended]);
  // The other side is order-api-main.ts, which sends nothing else.
  const urls = message as OrderApiUrls;
  const agent = new Agent({ keepAlive: true });
  return {
    pid,
    post: (way) => post(agent, urls[way]),
    async stop() {
      agent.destroy();
      child.disconnect();
      await exited;
    },
  };
}

function post(agent: Agent, url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent, method: 'POST', headers: HEADERS }, (response) => {
      response.resume();
      response.once('error', reject);
      response.once('end', () => {
        if (response.statusCode === 201) resolve();
        else reject(new Error(`POST ${url} was answered with ${response.statusCode}`));
      });
    });
    sent.once('error', reject);
    sent.end(BODY);
  });
}
