import { decodeOrderEvent } from '@order-events/messaging/order-message';
import pg from 'pg';
import type { TestContext } from 'node:test';
import { createTestDatabase, eventually, startApp } from '../../../test/harness/index.ts';
import { PATIENT_API } from '../../../test/harness/order-apps.ts';
import { TEST_HEADERS } from '../../../test/harness/test-access.ts';
import { type Answer, undocumented } from './documented-answers.ts';

export type { Answer };

export const TEA = { sku: 'tea', quantity: 2, unit_price_minor: 450 };
export const ORDER = { customer_id: 'c-1', currency: 'EUR', items: [TEA] };

/** A batch with one order that was shipped elsewhere. */
export function importOf(orderId: string) {
  const order = { order_id: orderId, ...ORDER, status: 'shipped', version: 4 };
  return {
    orders: [{ ...order, created_at: '2025-11-03T08:15:00Z', updated_at: '2025-11-05T16:40:12.5Z' }],
  };
}

export interface OrderClient {
  /** A string is sent as it is, anything else as JSON. Throws when the answer is not one that the OpenAPI document describes. */
  send(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** Places an order and answers with its id. */
  place(order?: typeof ORDER): Promise<string>;
  /** Moves an order through statuses, one after another. */
  move(orderId: string, ...statuses: string[]): Promise<void>;
}

/** Without an `authorization` it sends the token of the suite, where that has one. */
export function createOrderClient(url: string, authorization?: string): OrderClient {
  const send: OrderClient['send'] = async (method, path, body, headers = {}) => {
    const response = await fetch(url + path, {
      method,
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(authorization === undefined ? TEST_HEADERS : { authorization }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    // Every body of the API is a JSON object.
    const json = text ? (JSON.parse(text) as Record<string, unknown>) : {};
    const answer = { status: response.status, headers: response.headers, body: json };
    const fault = undocumented(method, path, answer);
    if (fault !== undefined) throw new Error(fault);
    return answer;
  };
  const succeed = (answer: Answer) => {
    if (answer.status >= 300) throw new Error(`answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    return answer;
  };
  return {
    send,
    async place(order = ORDER) {
      return String(succeed(await send('POST', '/orders', order)).body['order_id']);
    },
    async move(orderId, ...statuses) {
      for (const status of statuses) succeed(await send('PUT', `/orders/${orderId}/status`, { status }));
    },
  };
}

/** An API process on a database of its own. */
export async function startApi(t: TestContext, env: Record<string, string> = {}) {
  const { url } = await createTestDatabase(t);
  const api = await startApp(t, 'api', { DATABASE_URL: url, ...PATIENT_API, ...env });
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  t.after(() => pool.end());
  return {
    api,
    databaseUrl: url,
    pool,
    ...createOrderClient(api.urls.http),
    events: () => storedEvents(pool),
  };
}

/** What is in the outbox, in the order of its sequence. */
export async function storedEvents(pool: pg.Pool) {
  const { rows } = await pool.query<{
    key: string;
    key_hash: number;
    event_id: string;
    event_type: string;
    headers: Record<string, string>;
    payload: string;
  }>('SELECT key, key_hash, event_id, event_type, headers, payload FROM outbox ORDER BY seq');
  return rows.map((row) => ({ ...row, event: decodeOrderEvent(row.payload) }));
}

/** Keeps everyone from changing an order, until `release` or the end of the test. */
export async function lockOrder(t: TestContext, databaseUrl: string, orderId: string) {
  const holder = new pg.Client(databaseUrl);
  await holder.connect();
  t.after(() => holder.end());
  await holder.query('BEGIN');
  await holder.query('SELECT 1 FROM orders WHERE id = $1 FOR UPDATE', [orderId]);
  return {
    /** Resolves when a request waits for the order. */
    async waited() {
      await eventually(async () => {
        const { rowCount } = await holder.query(
          `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
        );
        if (rowCount !== 1) throw new Error('no request waits for the order');
      });
    },
    async release() {
      await holder.query('COMMIT');
    },
  };
}

/** Where a problem points. */
export function pointers(answer: Answer): string[] {
  const errors = answer.body['errors'] as { pointer: string }[] | undefined;
  return (errors ?? []).map((error) => error.pointer);
}
