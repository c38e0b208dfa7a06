import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FollowedItem, OrderStatus, type ViewedOrder, viewOrders } from '@order-events/order-stream';
import pg from 'pg';
import { type AppName, type AppProcess, findFreePort } from '../../tools/stack/index.ts';
import { createTestDatabase, createTestTopic, eventually, startApp } from '../harness/index.ts';
import { keepChanging } from '../harness/keep-changing.ts';
import { appEnv } from '../harness/order-apps.ts';
import {
  type ShownOrder,
  type TableVersion,
  type ViewSample,
  viewViolations,
} from '../watch-validation/view-guarantees.ts';

/** VIEWED_ORDERS=5000 by hand; each sample is held against all of them. */
const ORDERS = Number(process.env['VIEWED_ORDERS'] ?? 200);
const FILTER = { statuses: [OrderStatus.PENDING, OrderStatus.CONFIRMED] };
const SAMPLE_EVERY_MS = 40;
const KILLED = ['stream-gateway', 'relay', 'api'] as const;
const SHOWN_VIOLATIONS = 5;

const isWanted = (status: string) => FILTER.statuses.some((each) => each === status);
const contractName = (status: string) => `ORDER_STATUS_${status.toUpperCase()}`;

/** A view that is made of what is told as the product's is, but for a flaw: the judge must find it in the same run. */
type Flaw = (item: FollowedItem, apply: (item: FollowedItem) => void) => void;
type Told = Extract<FollowedItem, { orderId: string }>;

const isTold = (item: FollowedItem): item is Told => item.kind === 'order' || item.kind === 'left';
const isPicked = ({ orderId }: Told) => orderId.endsWith('0') || orderId.endsWith('8');

/** Of some orders, each change is shown with the next one. */
function delaysSome(): Flaw {
  const kept = new Map<string, FollowedItem>();
  return (item, apply) => {
    if (!isTold(item) || !isPicked(item)) return apply(item);
    const before = kept.get(item.orderId);
    kept.set(item.orderId, item);
    if (before) apply(before);
  };
}

const FLAWS: Readonly<Record<string, Flaw>> = {
  'misses some orders': (item, apply) => {
    if (!isTold(item) || !isPicked(item)) apply(item);
  },
  'delays some orders': delaysSome(),
  'keeps what has left': (item, apply) => {
    if (item.kind !== 'left') apply(item);
  },
};

interface SampledView {
  readonly name: string;
  readonly orders: ReadonlyMap<string, ViewedOrder>;
  readonly samples: ViewSample[];
}

function flawedView(name: string, flaw: Flaw) {
  const orders = new Map<string, ViewedOrder>();
  const apply = (item: FollowedItem) => {
    if (item.kind === 'order') orders.set(item.orderId, item);
    else if (item.kind === 'left') orders.delete(item.orderId);
  };
  const view: SampledView = { name, orders, samples: [] };
  return { view, take: (item: FollowedItem) => flaw(item, apply) };
}

function takeSample({ orders, samples }: SampledView, throughMs: number): void {
  const shown = new Map<string, ShownOrder>();
  for (const { orderId, orderVersion, order } of orders.values()) {
    shown.set(orderId, { version: orderVersion, status: order.status });
  }
  // The clock of the database is the same and finer.
  samples.push({ atMs: Date.now() + 1, throughMs, orders: shown });
}

/** Every version of every order. The next change of an order is made only when the one before it is committed. */
async function tableHistory(
  pool: pg.Pool,
  initial: readonly TableVersion[],
  committedBy: ReadonlyMap<string, number>,
): Promise<TableVersion[]> {
  const { rows } = await pool.query<{
    id: string;
    version: number;
    status: string;
    ms: number;
    next: number;
  }>(
    `SELECT key AS id, (payload::json->>'order_version')::int AS version, payload::json->>'status' AS status,
      date_part('epoch', created_at) * 1000 AS ms,
      date_part('epoch', lead(created_at) OVER (PARTITION BY key ORDER BY (payload::json->>'order_version')::int)) * 1000 AS next
    FROM outbox`,
  );
  const changed = rows.map(({ id, version, status, ms, next }): TableVersion => ({
    ...{ orderId: id, version: BigInt(version), status: contractName(status), afterMs: ms },
    byMs: Math.min(
      committedBy.get(`${id} ${version}`) ?? Number.POSITIVE_INFINITY,
      next ?? Number.POSITIVE_INFINITY,
    ),
  }));
  return [...initial, ...changed];
}

test('at every moment a view is the table as it was no longer ago than it says, over killed gateways, relays and APIs', async (t) => {
  const { url: databaseUrl } = await createTestDatabase(t);
  const env = appEnv({
    ...{ databaseUrl, ...(await createTestTopic(t)), env: { RELAY_LEASE_MS: '3000' } },
    envOf: {
      api: { API_PORT: String(await findFreePort()) },
      'stream-gateway': { GATEWAY_PORT: String(await findFreePort()) },
    },
  });
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 2 });
  t.after(() => pool.end());
  const { rows } = await pool.query<{ id: string }>(
    `INSERT INTO orders SELECT gen_random_uuid(), 'c-' || number % 7, 'pending', 1, 'EUR',
      '[{"sku": "tea", "quantity": 1, "unit_price_minor": 450}]', 450, now(), now()
    FROM generate_series(1, $1::int) AS number RETURNING id`,
    [ORDERS],
  );
  const initial = rows.map(({ id: orderId }): TableVersion => ({
    ...{ orderId, version: 1n, status: OrderStatus.PENDING },
    ...{ afterMs: Number.NEGATIVE_INFINITY, byMs: Number.NEGATIVE_INFINITY },
  }));
  const apps = new Map<AppName, AppProcess>();
  const start = async (name: (typeof KILLED)[number]) =>
    void apps.set(name, await startApp(t, name, env[name]));
  await Promise.all(KILLED.map(start));
  const urlsOf = (name: AppName) => apps.get(name)?.urls ?? assert.fail(`${name} does not run`);

  const committedBy = new Map<string, number>();
  const load = keepChanging({
    ...{ pool, apiUrl: urlsOf('api').http, pauseMs: 20 },
    onChange(writePosition) {
      const [byMs, version, orderId] = writePosition.split('.');
      committedBy.set(`${orderId} ${version}`, Number(byMs));
    },
  });
  const flawed = Object.entries(FLAWS).map(([name, flaw]) => flawedView(name, flaw));
  const view = viewOrders(
    {
      ...{ api: urlsOf('api').http, address: urlsOf('stream-gateway').grpc, filter: FILTER },
      ...{ heartbeatIntervalMs: 1_000, maxRetryDelayMs: 500, pageSize: 20 },
    },
    (item) => flawed.forEach(({ take }) => take(item)),
  );
  t.after(() => view.close());
  const sound: SampledView = { name: 'sound', orders: view.orders, samples: [] };
  const sampling = setInterval(() => {
    const through = view.completeThroughTime();
    if (!view.isComplete() || !through) return;
    for (const each of [sound, ...flawed.map((one) => one.view)]) takeSample(each, through.getTime());
  }, SAMPLE_EVERY_MS);
  t.after(() => clearInterval(sampling));

  /** Everything up to this moment is said to be in the view, and has been looked at. */
  const comes = async () => {
    const {
      rows: [now],
    } = await pool.query<{ ms: number }>(`SELECT date_part('epoch', clock_timestamp()) * 1000 AS ms`);
    const ms = now?.ms ?? assert.fail('no time');
    await eventually(() => assert.ok((sound.samples.at(-1)?.throughMs ?? 0) > ms));
  };
  await comes();
  for (const name of KILLED) {
    apps.get(name)?.kill('SIGKILL');
    await apps.get(name)?.exited;
    await start(name);
    await comes();
  }
  await load.stop();
  await comes();
  clearInterval(sampling);

  const table = await tableHistory(pool, initial, committedBy);
  const judge = ({ samples }: SampledView) => viewViolations(table, samples, isWanted);
  const found = judge(sound);
  assert.deepEqual(found.slice(0, SHOWN_VIOLATIONS), [], `${found.length} violations`);
  for (const each of flawed)
    assert.notEqual(judge(each.view).length, 0, `a view that ${each.view.name} is not seen`);
  const lagsMs = sound.samples.map(({ atMs, throughMs }) => atMs - throughMs).toSorted((a, b) => a - b);
  assert.ok(load.changes() > 20, `${load.changes()} changes`);
  t.diagnostic(
    `${load.changes()} changes of ${ORDERS} orders and those placed meanwhile, looked at ${sound.samples.length} times; ` +
      `behind by ${Math.round(lagsMs[lagsMs.length >> 1] ?? 0)} ms (median), ${Math.round(lagsMs.at(-1) ?? 0)} ms at most`,
  );
});
