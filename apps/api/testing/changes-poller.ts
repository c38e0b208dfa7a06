import type { OrderClient } from './order-client.ts';

interface PolledOrder {
  readonly order_id: string;
  readonly version: number;
  readonly status: string;
}

/** All pages of a list, and the token for what changes after it. `query` has no tokens. */
export async function walkList(
  client: Pick<OrderClient, 'send'>,
  query: string,
  betweenPages: () => Promise<unknown> = () => Promise.resolve(),
): Promise<{ orders: PolledOrder[]; token: string; pages: number }> {
  const orders: PolledOrder[] = [];
  let pages = 0;
  for (let pageToken = ''; ; await betweenPages()) {
    const { status, body } = await client.send('GET', `/orders?${query}${pageToken}`);
    if (status !== 200) throw new Error(`answered ${status}: ${JSON.stringify(body)}`);
    pages += 1;
    orders.push(...(body['orders'] as PolledOrder[]));
    const next = body['next_page_token'];
    if (typeof next !== 'string') return { orders, token: String(body['changes_token']), pages };
    pageToken = `&page_token=${next}`;
  }
}

/** A client that reads all orders once and asks for changes from then on, each time by the token of the time before. */
export function createChangesPoller(client: Pick<OrderClient, 'send'>, pageSize: number) {
  const versions = new Map<string, number>();
  let since = '';
  return {
    versions,
    /** Reads what there is the first time, and what has changed each time after. */
    async poll(): Promise<number> {
      const { orders, token } = await walkList(client, `page_size=${pageSize}${since}`);
      for (const { order_id, version } of orders) {
        versions.set(order_id, Math.max(version, versions.get(order_id) ?? 0));
      }
      since = `&changed_since=${token}`;
      return orders.length;
    },
  };
}
