import { setTimeout as pause } from 'node:timers/promises';
import type { AppProcess } from '../stack/index.ts';
import type { FigureRow } from '../bench/figure-table.ts';
import type { BenchContext, BenchPart } from './bench-part.ts';
import { startBenchRelay, stopBenchRelay } from './bench-relay-process.ts';
import { PARTITION_COUNT, withClient } from './bench-servers.ts';
import { DRAIN_COLUMNS, measureDrain } from './drain-measurement.ts';
import { type TopicGrowth, verifyBacklog, watchTopicGrowth } from './topic-growth.ts';
import { describeUsage } from '../bench/usage-window.ts';
import { insertWaitingEvents } from './waiting-events.ts';

const EVENTS = 500_000;
const LARGE_EVENTS = 600;
/** The largest that the outbox takes. */
const LARGE_BYTES = 900_000;

/** How fast a backlog gets into Kafka, at what cost, what a second relay adds, and what the largest events need. */
export const drainPart: BenchPart = {
  name: 'drain',
  limitMs: 300_000,
  async run(context) {
    const small = await prepareBacklog(context, EVENTS);
    const large = await prepareBacklog(context, LARGE_EVENTS, LARGE_BYTES);
    const one = await drain(context, small, { name: 'one relay' });
    const unlimited = await drain(context, small, { name: 'one, no heap limit', nodeOptions: '' });
    const two = await drain(context, small, { name: 'two relays', relays: 2 });
    const bytes = await drain(context, large, { name: 'one, events of 900 kB' });
    const drains = [one, unlimited, two, bytes];
    const ratio = Number(two.row['eventsPerSecond']) / Number(one.row['eventsPerSecond']);
    return [
      {
        title: `Drain of ${EVENTS.toLocaleString('en-US')} waiting events, and of ${LARGE_EVENTS} of 900 kB`,
        columns: COLUMNS,
        rows: drains.map(({ row }) => row),
        notes: [
          `two relays against one: ${ratio.toFixed(2)} times the events/s`,
          ...drains.map(({ row, note }) => `${row['drain']}: ${note}`),
        ],
      },
    ];
  },
};

const COLUMNS = [
  { key: 'drain', label: 'drain' },
  ...DRAIN_COLUMNS,
  { key: 'missing', label: 'missing' },
  { key: 'duplicated', label: 'doubled' },
  { key: 'outOfOrder', label: 'out of order' },
];

interface Backlog {
  readonly database: string;
  readonly events: number;
}

async function prepareBacklog(
  { servers, step, defer }: BenchContext,
  events: number,
  payloadBytes?: number,
): Promise<Backlog> {
  step(`inserting ${events.toLocaleString('en-US')} waiting events`);
  const database = `bench_backlog_${events}`;
  const url = await servers.createDatabase(database);
  defer(() => servers.dropDatabase(database));
  await insertWaitingEvents(url, events, payloadBytes);
  return { database, events };
}

async function drain(
  context: BenchContext,
  { database: backlog, events }: Backlog,
  how: { readonly name: string; readonly relays?: number; readonly nodeOptions?: string },
): Promise<{ row: FigureRow; note: string }> {
  const { servers, signal } = context;
  const { name, relays: count = 1 } = how;
  const database = name.replaceAll(/\W+/g, '_');
  const topic = `bench.drain.${database}`;
  const databaseUrl = await servers.createDatabase(database, backlog);
  context.defer(() => servers.dropDatabase(database));
  await servers.createTopic(topic);
  const growth = watchTopicGrowth(servers.kafka.brokers, topic);
  context.defer(async () => growth.close());
  context.step(`draining: ${name}`);
  const relays = await Promise.all(
    Array.from({ length: count }, () => startBenchRelay(context, { databaseUrl, topic }, how.nodeOptions)),
  );
  // Fences of the first claims are in the topic before any event; beyond them the drain has begun.
  const begun = PARTITION_COUNT + events / 500;
  const shares =
    count === 1
      ? await growth.reaches(begun, signal).then(() => '')
      : await sharedEqually({ databaseUrl, relays, growth, signal });
  const { usage, ...figures } = await measureDrain({
    growth,
    events,
    servers,
    databaseUrl,
    relays,
    signal,
  });
  for (const relay of relays) await stopBenchRelay(relay);
  const verdict = await verifyBacklog(servers.kafka.brokers, topic, events, signal);
  return {
    row: { drain: name, ...figures, ...verdict },
    note: describeUsage(usage) + shares,
  };
}

/**
 * Resolves when each relay owns its share (until then one of them does the work of all), or when half of the backlog is gone;
 * answers with how they share it then.
 */
async function sharedEqually(options: {
  databaseUrl: string;
  relays: readonly AppProcess[];
  growth: TopicGrowth;
  signal: AbortSignal;
}): Promise<string> {
  const { relays } = options;
  return withClient(options.databaseUrl, async (client) => {
    for (;;) {
      const { rows } = await client.query<{ partitions: string }>(
        'SELECT count(*) AS partitions FROM relay_partition WHERE owner IS NOT NULL GROUP BY owner',
      );
      const owned = rows.map(({ partitions }) => Number(partitions));
      const equal = owned.length === relays.length && owned.every((count) => count === owned[0]);
      if (equal || (await options.growth.length()) > EVENTS / 2) {
        return `; partitions owned: ${owned.join(' and ')}`;
      }
      await pause(40, undefined, { signal: options.signal });
    }
  });
}
