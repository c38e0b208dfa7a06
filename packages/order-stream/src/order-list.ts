import type { TokenFunction } from './call-metadata.ts';
import { Order, type OrderFilter, orderStatusFromJSON } from './gen/orders/v1/order_stream.ts';

/** An order as REST tells it. */
export interface ListedOrder {
  readonly order: Order;
  readonly orderVersion: bigint;
}

export type ListFilter = Partial<Pick<OrderFilter, 'statuses' | 'orderIds' | 'customerIds'>>;

export interface OrderListOptions {
  /** Where the REST API is: https://orders.example */
  readonly api: string;
  readonly token?: TokenFunction;
  readonly pageSize?: number;
  /** Default is that of the platform. */
  readonly fetch?: typeof fetch;
  readonly signal?: AbortSignal;
}

export interface OrderListPage {
  readonly orders: readonly ListedOrder[];
  readonly nextPageToken: string | undefined;
}

/** The API has refused a request for a reason that asking again does not mend. */
export class OrderListError extends Error {
  override readonly name = 'OrderListError';
  readonly status: number;
  readonly code: string | undefined;

  constructor(status: number, code: string | undefined, detail: string) {
    super(`GET /orders: ${status} ${code ?? ''}: ${detail}`);
    this.status = status;
    this.code = code;
  }
}

/** What another try may mend; `retryAfterMs` says when it makes sense. */
export class OrderListAwayError extends Error {
  override readonly name = 'OrderListAwayError';
  readonly retryAfterMs: number;

  constructor(message: string, retryAfterMs = 0, cause?: unknown) {
    super(message, { cause });
    this.retryAfterMs = retryAfterMs;
  }
}

const DEFAULT_PAGE_SIZE = 200;
const DEADLINE_MS = 30_000;
/** As many as the API takes in one request. */
const MAX_ORDERS = 100;
const MAX_CUSTOMERS = 20;
/** Proxies take 8 KiB for an address, and a page token is in it as well. */
const MAX_QUERY_LENGTH = 4_000;
/** Whoever is refused for these may be taken another time: a token that has just expired, a limit, a proxy that starts. */
const AGAIN: ReadonlySet<number> = new Set([401, 408, 425, 429]);

/** The queries whose lists together have what a filter lets through: ids that do not fit into one are spread. */
export function listQueries({ statuses = [], orderIds = [], customerIds = [] }: ListFilter): string[] {
  const fixed = parametersOf('statuses', statuses.map(statusWord));
  const orders = chunksOf(parametersOf('order_ids', orderIds), MAX_ORDERS);
  const customers = chunksOf(parametersOf('customer_ids', customerIds), MAX_CUSTOMERS);
  return orders.flatMap((some) => customers.map((others) => [...fixed, ...some, ...others].join('&')));
}

/** Reads one page. Throws an OrderListAwayError, and an OrderListError, or the reason of the signal. */
export async function readListPage(
  query: string,
  pageToken: string | undefined,
  options: OrderListOptions,
): Promise<OrderListPage> {
  const { api, signal, pageSize = DEFAULT_PAGE_SIZE } = options;
  const more = pageToken === undefined ? [] : [`page_token=${encodeURIComponent(pageToken)}`];
  const url = `${api.replace(/\/$/, '')}/orders?${[`page_size=${pageSize}`, query, ...more].filter(Boolean).join('&')}`;
  const late = AbortSignal.timeout(DEADLINE_MS);
  const within = signal ? AbortSignal.any([signal, late]) : late;
  try {
    const authorization = options.token && `Bearer ${await options.token(within)}`;
    const headers = { accept: 'application/json', ...(authorization ? { authorization } : {}) };
    const response = await (options.fetch ?? fetch)(url, { headers, signal: within });
    const body: unknown = await response.json().catch(() => undefined);
    if (!response.ok) throw refusal(response, body);
    return pageOf(body);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof OrderListError || error instanceof OrderListAwayError) throw error;
    throw new OrderListAwayError('the list of orders could not be read', 0, error);
  }
}

function refusal(response: Response, body: unknown): Error {
  const { status, headers } = response;
  const [code, detail] = [textOf(body, 'code'), textOf(body, 'detail') ?? 'no problem document'];
  const retryAfterMs = 1000 * (Number(headers.get('retry-after')) || 0);
  const isOfApi = code !== undefined;
  if (status >= 500 || AGAIN.has(status) || !isOfApi) {
    return new OrderListAwayError(`GET /orders: ${status} ${code ?? ''}: ${detail}`, retryAfterMs);
  }
  return new OrderListError(status, code, detail);
}

function pageOf(body: unknown): OrderListPage {
  const [orders, next] = [memberOf(body, 'orders'), memberOf(body, 'next_page_token')];
  if (!Array.isArray(orders)) throw new OrderListAwayError('the answer to GET /orders is no list of orders');
  // What a standby has may be older than where the stream begins.
  if (typeof memberOf(body, 'changes_token') !== 'string') {
    throw new OrderListAwayError(
      'a standby of the database has answered GET /orders: its list may be too old',
    );
  }
  return { orders: orders.map(orderOf), nextPageToken: typeof next === 'string' ? next : undefined };
}

function orderOf(json: unknown): ListedOrder {
  const text = (name: string) => textOf(json, name) ?? missing(name);
  const items = memberOf(json, 'items');
  const version = memberOf(json, 'version');
  if (typeof version !== 'number' || !Array.isArray(items)) return missing('version or items');
  const status = orderStatusFromJSON(`ORDER_STATUS_${text('status').toUpperCase()}`);
  return {
    orderVersion: BigInt(version),
    order: Order.fromPartial({
      ...{ orderId: text('order_id'), customerId: text('customer_id'), status, currency: text('currency') },
      totalMinor: BigInt(Number(memberOf(json, 'total_minor'))),
      items: items.map((item: unknown) => ({
        sku: textOf(item, 'sku') ?? missing('sku'),
        quantity: BigInt(Number(memberOf(item, 'quantity'))),
        unitPriceMinor: BigInt(Number(memberOf(item, 'unit_price_minor'))),
      })),
      createTime: new Date(text('created_at')),
      updateTime: new Date(text('updated_at')),
    }),
  };
}

function missing(name: string): never {
  throw new OrderListAwayError(`an order of GET /orders has no ${name}`);
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function textOf(value: unknown, name: string): string | undefined {
  const member = memberOf(value, name);
  return typeof member === 'string' ? member : undefined;
}

const statusWord = (status: string) => status.replace('ORDER_STATUS_', '').toLowerCase();
const parametersOf = (name: string, values: readonly string[]) =>
  [...new Set(values)].map((value) => `${name}=${encodeURIComponent(value)}`);

/** At least one, which is empty when there is nothing. */
function chunksOf(parameters: readonly string[], max: number): string[][] {
  const chunks: string[][] = [[]];
  let length = 0;
  for (const parameter of parameters) {
    const last = chunks.at(-1) ?? [];
    if (last.length > 0 && (last.length >= max || length + parameter.length > MAX_QUERY_LENGTH)) {
      chunks.push([parameter]);
      length = parameter.length;
    } else {
      last.push(parameter);
      length += parameter.length;
    }
  }
  return chunks;
}
