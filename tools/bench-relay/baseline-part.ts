import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { FigureRow } from '../bench/figure-table.ts';
import type { BenchContext, BenchPart } from './bench-part.ts';
import { startBenchRelay, stopBenchRelay } from './bench-relay-process.ts';
import { PARTITION_COUNT, withClient } from './bench-servers.ts';
import { DRAIN_COLUMNS, measureDrain } from './drain-measurement.ts';
import { watchTopicGrowth } from './topic-growth.ts';
import { describeUsage } from '../bench/usage-window.ts';
import { insertWaitingEvents } from './waiting-events.ts';

const EVENTS = 100_000;
const BEGUN = PARTITION_COUNT + 1000;
const DATABASE = 'bench_baseline';

/** The same backlog once through this relay and once through a claim-send-mark loop on kafkajs's producer. */
export const baselinePart: BenchPart = {
  name: 'baseline',
  limitMs: 90_000,
  async run(context) {
    const { servers, defer } = context;
    context.step(`inserting ${EVENTS.toLocaleString('en-US')} waiting events, twice`);
    const databaseUrl = await servers.createDatabase(DATABASE);
    defer(() => servers.dropDatabase(DATABASE));
    await insertWaitingEvents(databaseUrl, EVENTS);
    await withClient(databaseUrl, async (client) => {
      for (const statement of NAIVE_OUTBOX) await client.query(statement);
    });
    const naive = await drainWith(context, databaseUrl, 'naive_outbox', startNaiveRelay);
    const ours = await drainWith(context, databaseUrl, 'outbox_default', startThisRelay);
    const ratio = Number(ours.row['eventsPerSecond']) / Number(naive.row['eventsPerSecond']);
    return [
      {
        title: `Drain of ${EVENTS.toLocaleString('en-US')} events: this relay and a claim-send-mark loop with kafkajs's producer`,
        columns: COLUMNS,
        rows: [ours.row, naive.row],
        notes: [
          `this relay: ${ratio.toFixed(1)} times the events/s`,
          `this relay: ${ours.note}`,
          `claim-send-mark: ${naive.note}`,
        ],
      },
    ];
  },
};

const NAIVE_OUTBOX = [
  'CREATE TABLE naive_outbox (LIKE outbox INCLUDING DEFAULTS, id bigserial PRIMARY KEY, published_at timestamptz)',
  'CREATE INDEX naive_outbox_unpublished ON naive_outbox (id) WHERE published_at IS NULL',
  'INSERT INTO naive_outbox SELECT * FROM outbox ORDER BY seq',
  'VACUUM ANALYZE naive_outbox',
];

const COLUMNS = [{ key: 'relay', label: 'relay' }, ...DRAIN_COLUMNS, { key: 'deadRows', label: 'dead rows' }];

type Where = { readonly databaseUrl: string; readonly topic: string };
type RunningRelay = { readonly pid: number; stop(): Promise<unknown> };

async function drainWith(
  context: BenchContext,
  databaseUrl: string,
  table: 'naive_outbox' | 'outbox_default',
  start: (context: BenchContext, where: Where) => Promise<RunningRelay>,
): Promise<{ row: FigureRow; note: string }> {
  const { servers, signal } = context;
  const relay = table === 'naive_outbox' ? 'claim-send-mark' : 'this one';
  context.step(`draining with ${relay}`);
  const topic = `bench.baseline.${table}`;
  await servers.createTopic(topic);
  const growth = watchTopicGrowth(servers.kafka.brokers, topic);
  context.defer(async () => growth.close());
  const deadBefore = await deadRows(databaseUrl, table);
  const running = await start(context, { databaseUrl, topic });
  await growth.reaches(BEGUN, signal);
  const { usage, ...figures } = await measureDrain({
    growth,
    events: EVENTS,
    servers,
    databaseUrl,
    relays: [running],
    signal,
  });
  await running.stop();
  const row = { relay, ...figures, deadRows: (await deadRows(databaseUrl, table)) - deadBefore };
  return { row, note: describeUsage(usage) };
}

/** Versions of rows that were left behind by updates and deletes, whether or not they are vacuumed by now. */
async function deadRows(databaseUrl: string, table: string): Promise<number> {
  return withClient(databaseUrl, async (client) => {
    // Sessions tell what they did with some delay.
    await client.query('SELECT pg_sleep(1.1)');
    const { rows } = await client.query(
      'SELECT n_tup_upd + n_tup_del AS dead FROM pg_stat_user_tables WHERE relname = $1',
      [table],
    );
    return Number(rows[0]?.dead);
  });
}

async function startThisRelay(context: BenchContext, where: Where): Promise<RunningRelay> {
  const relay = await startBenchRelay(context, where);
  return { pid: relay.pid, stop: () => stopBenchRelay(relay) };
}

async function startNaiveRelay(context: BenchContext, where: Where): Promise<RunningRelay> {
  const [broker = ''] = context.servers.kafka.brokers;
  const args = [join(import.meta.dirname, 'naive-relay.ts'), where.databaseUrl, broker, where.topic];
  // kafkajs 2.2.4 sets timers to negative times, of which Node would warn.
  const child = spawn(process.execPath, ['--no-warnings', ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error('could not run the naive relay');
  const exited = once(child, 'exit');
  const stop = async () => {
    child.kill('SIGTERM');
    await exited;
  };
  context.defer(stop);
  return { pid, stop };
}
