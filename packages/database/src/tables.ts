import type { ColumnType, Generated, JSONColumnType } from 'kysely';

/** Row types of the tables in `migrations/`. int8 columns are read as bigint. */
export interface Tables {
  orders: OrdersTable;
  idempotency_keys: IdempotencyKeysTable;
  outbox: OutboxTable;
}

export interface OrdersTable {
  id: string;
  customer_id: string;
  status: string;
  version: number;
  currency: string;
  items: JSONColumnType<readonly OrderItemJson[]>;
  total_minor: ColumnType<bigint, number | bigint, number | bigint>;
  created_at: Date;
  updated_at: Date;
}

export interface OrderItemJson {
  sku: string;
  quantity: number;
  unit_price_minor: number;
}

export interface IdempotencyKeysTable {
  key: string;
  fingerprint: string;
  response: JSONColumnType<object>;
  expires_at: Date;
}

export interface OutboxTable {
  seq: Generated<bigint>;
  xid: Generated<string>;
  key: string;
  key_hash: number;
  event_id: string;
  event_type: string;
  headers: JSONColumnType<Record<string, string>>;
  payload: string;
  created_at: Generated<Date>;
}
