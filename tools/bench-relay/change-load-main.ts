import type { Order } from '@order-events/domain';
import { keyHash } from '@order-events/messaging';
import { createWakeUpNotifier } from '@order-events/database';
import { createLogger } from '@order-events/runtime';
import pg from 'pg';
import type { LoadAnswer, LoadPhase, PhaseLog } from './change-load.ts';
import { OUTBOX, OUTBOX_TABLES } from './outbox-tables.ts';
import { monotonicMs } from '../bench/monotonic-clock.ts';
import { changePayload, numberedEventId, SAMPLE_HEADERS, sampleOrder } from '../bench/sample-orders.ts';

const ORDERS = 2000;
const CONNECTIONS = 16;
const TICK_MS = 1;

const headers = JSON.stringify(SAMPLE_HEADERS);
const [databaseUrl = '', tableName = ''] = process.argv.slice(2);
const table = OUTBOX_TABLES.find(({ name }) => name === tableName) ?? OUTBOX;

/**
 * The order transaction in one prepared statement and one round trip: the order's row is locked and written first, and what is
 * inserted into the outbox comes out of that write.
 */
const CHANGE = {
  name: 'change',
  text: `WITH changed AS (UPDATE orders SET version = $2, updated_at = $3 WHERE id = $1 RETURNING id) ${table.insert}`,
};
const log = createLogger({ service: 'change-load', level: 'warn' });
const wakeUps = createWakeUpNotifier({ url: databaseUrl, log });

interface KnownOrder {
  order: Order;
  readonly hash: number;
}

/** Orders that no open transaction changes; the one that has rested longest first. */
const resting: KnownOrder[] = Array.from({ length: ORDERS }, (_, position) => {
  const order = sampleOrder(position);
  return { order, hash: keyHash(order.orderId) };
});

const idle = Array.from(
  { length: CONNECTIONS },
  () => new pg.Client({ connectionString: databaseUrl, application_name: 'change load' }),
);

async function placeOrders(client: pg.Client): Promise<void> {
  const { customerId, status, currency, items, totalMinor } = sampleOrder(0);
  await client.query(
    `INSERT INTO orders (id, customer_id, status, version, currency, items, total_minor, created_at, updated_at)
     SELECT id, $2, $3, 1, $4, $5, $6, now(), now() FROM unnest($1::uuid[]) AS id`,
    [
      resting.map(({ order }) => order.orderId),
      ...[customerId, status, currency, JSON.stringify(items), totalMinor],
    ],
  );
}

async function change(client: pg.Client, known: KnownOrder, number: number): Promise<void> {
  const order: Order = { ...known.order, version: known.order.version + 1, updatedAt: new Date() };
  const eventId = numberedEventId(number);
  const event = { keyHash: known.hash, eventId, headers, payload: changePayload(order, eventId) };
  const values = [order.orderId, order.version, order.updatedAt.toISOString(), ...table.values(event)];
  await client.query({ ...CHANGE, values });
  known.order = order;
}

function runPhase({ changesPerSecond, seconds, first }: LoadPhase): Promise<PhaseLog> {
  const count = Math.round(changesPerSecond * seconds);
  const startMs = monotonicMs() + TICK_MS;
  const dueAtMs = Float64Array.from({ length: count }, (_, n) => startMs + (n * 1000) / changesPerSecond);
  const committedAtMs = new Float64Array(count);
  let next = 0;
  let committed = 0;
  return new Promise((resolve, reject) => {
    function begin(client: pg.Client, known: KnownOrder, position: number): void {
      change(client, known, first + position).then(() => {
        committedAtMs[position] = monotonicMs();
        if (table.isNotified) wakeUps.notify();
        idle.push(client);
        resting.push(known);
        committed += 1;
        if (committed === count) resolve({ dueAtMs, committedAtMs });
        else startDue();
      }, reject);
    }
    function startDue(): void {
      const nowMs = monotonicMs();
      while (next < count && (dueAtMs[next] ?? 0) <= nowMs) {
        const client = idle.pop();
        const known = client && resting.shift();
        if (!client || !known) return;
        begin(client, known, next);
        next += 1;
      }
    }
    const ticker = setInterval(() => {
      startDue();
      if (next === count) clearInterval(ticker);
    }, TICK_MS);
  });
}

function answer(message: LoadAnswer): void {
  process.send?.(message);
}

process.once('disconnect', () => process.exit());
await Promise.all(idle.map((client) => client.connect()));
const [oneClient] = idle;
if (oneClient) await placeOrders(oneClient);
await wakeUps.start(new AbortController().signal);
process.on('message', (phase) => {
  // The other side is change-load.ts, which sends nothing else.
  runPhase(phase as LoadPhase).then(
    (phaseLog) => answer({ log: phaseLog }),
    (error: unknown) => answer({ error: String(error) }),
  );
});
answer({ ready: true });
