/** One change of an order, as what an outbox may want to hold of it. */
export interface WrittenChange {
  readonly keyHash: number;
  readonly eventId: string;
  /** JSON. */
  readonly headers: string;
  readonly payload: string;
}

/** A table that a relay reads events from, and how they get there. */
export interface OutboxTable {
  readonly name: 'outbox' | 'debezium_outbox' | 'marked_outbox';
  /** In a migrated database; nothing for the table that the migrations make. */
  readonly create: readonly string[];
  /** Inserts the event of an order out of `changed (id)`; its parameters begin with $4. */
  readonly insert: string;
  values(change: WrittenChange): readonly unknown[];
  /** Copies the rows of `outbox` whose `seq` is above $1 and not above $2; undefined where they are there already. */
  readonly copy: string | undefined;
  /** Whether writers tell the relay of what they wrote. */
  readonly isNotified: boolean;
}

const COLUMNS = 'key, key_hash, event_id, event_type, headers, payload';
const ORDER_EVENT = `SELECT id::text, $4, $5, 'order.updated', $6, $7 FROM changed`;
const allColumns = ({ keyHash, eventId, headers, payload }: WrittenChange) => [
  keyHash,
  eventId,
  headers,
  payload,
];

export const OUTBOX: OutboxTable = {
  name: 'outbox',
  create: [],
  insert: `INSERT INTO outbox (${COLUMNS}) ${ORDER_EVENT}`,
  values: allColumns,
  copy: undefined,
  isNotified: true,
};

/** As tutorials have it: rows are marked when they are published. */
export const MARKED_OUTBOX: OutboxTable = {
  name: 'marked_outbox',
  create: [
    'CREATE TABLE marked_outbox (LIKE outbox INCLUDING DEFAULTS, id bigserial PRIMARY KEY, published_at timestamptz)',
    'CREATE INDEX marked_outbox_unpublished ON marked_outbox (id) WHERE published_at IS NULL',
  ],
  insert: `INSERT INTO marked_outbox (${COLUMNS}) ${ORDER_EVENT}`,
  values: allColumns,
  copy: `INSERT INTO marked_outbox (${COLUMNS}) SELECT ${COLUMNS} FROM outbox WHERE seq > $1 AND seq <= $2 ORDER BY seq`,
  isNotified: false,
};

/** As the documentation of Debezium's outbox event router has it. */
export const DEBEZIUM_OUTBOX: OutboxTable = {
  name: 'debezium_outbox',
  create: [
    `CREATE TABLE debezium_outbox (id uuid PRIMARY KEY, aggregatetype text NOT NULL, aggregateid text NOT NULL,
       type text NOT NULL, payload jsonb NOT NULL)`,
  ],
  insert: `INSERT INTO debezium_outbox (id, aggregatetype, aggregateid, type, payload)
    SELECT $4::uuid, 'order', id::text, 'order.updated', $5::jsonb FROM changed`,
  values: ({ eventId, payload }) => [eventId, payload],
  copy: `INSERT INTO debezium_outbox (id, aggregatetype, aggregateid, type, payload)
    SELECT event_id, 'order', key, event_type, payload::jsonb FROM outbox WHERE seq > $1 AND seq <= $2 ORDER BY seq`,
  isNotified: false,
};

export const OUTBOX_TABLES: readonly OutboxTable[] = [OUTBOX, MARKED_OUTBOX, DEBEZIUM_OUTBOX];
