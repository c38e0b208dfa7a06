import { setTimeout as pause } from 'node:timers/promises';
import type { AppProcess } from '../stack/index.ts';
import type { BenchContext, BenchPart, FigureRow } from './bench-part.ts';
import { SMALL_HEAP, startBenchRelay, stopBenchRelay } from './bench-relay-process.ts';
import { PARTITION_COUNT, withClient } from './bench-servers.ts';
import { measureDrain } from './drain-measurement.ts';
import { type TopicGrowth, verifyBacklog, watchTopicGrowth } from './topic-growth.ts';
import { describeUsage } from './usage-window.ts';
import { insertWaitingEvents } from './waiting-events.ts';

const EVENTS = 500_000;
const BACKLOG = 'bench_backlog';
/** Fences of the first claims are in the topic before any event; beyond them the drain has begun. */
const BEGUN = PARTITION_COUNT + 1000;

/** How fast a backlog gets into Kafka, at what cost, and what a second relay adds. */
export const drainPart: BenchPart = {
  name: 'drain',
  limitMs: 300_000,
  async run(context) {
    context.step(`inserting ${EVENTS.toLocaleString('en-US')} waiting events`);
    const url = await context.servers.createDatabase(BACKLOG);
    context.defer(() => context.servers.dropDatabase(BACKLOG));
    await insertWaitingEvents(url, EVENTS);
    const one = await drain(context, { relays: 1, nodeOptions: [] });
    const small = await drain(context, { relays: 1, nodeOptions: SMALL_HEAP });
    const two = await drain(context, { relays: 2, nodeOptions: [] });
    const ratio = Number(two.row['eventsPerSecond']) / Number(one.row['eventsPerSecond']);
    return [
      {
        title: `Drain of ${EVENTS.toLocaleString('en-US')} waiting events`,
        columns: COLUMNS,
        rows: [one.row, small.row, two.row],
        notes: [
          `two relays against one: ${ratio.toFixed(2)} times the events/s`,
          `one relay: ${one.note}`,
          `small heap: ${small.note}`,
          `two relays: ${two.note}`,
          `small heap: ${SMALL_HEAP.join(' ')}, about what Node chooses in a container of 512 MB`,
        ],
      },
    ];
  },
};

const COLUMNS = [
  { key: 'relays', label: 'relays' },
  { key: 'heap', label: 'heap' },
  { key: 'eventsPerSecond', label: 'events/s' },
  { key: 'relayMicrosPerEvent', label: 'relay CPU µs/event', digits: 1 },
  { key: 'postgresMicrosPerEvent', label: 'Postgres CPU', digits: 1 },
  { key: 'kafkaMicrosPerEvent', label: 'Kafka CPU', digits: 1 },
  { key: 'peakMemoryMb', label: 'peak RSS MB' },
  { key: 'walBytesPerEvent', label: 'WAL B/event', digits: 1 },
  { key: 'missing', label: 'missing' },
  { key: 'duplicated', label: 'doubled' },
  { key: 'outOfOrder', label: 'out of order' },
];

async function drain(
  context: BenchContext,
  { relays: count, nodeOptions }: { relays: number; nodeOptions: readonly string[] },
): Promise<{ row: FigureRow; note: string }> {
  const { servers, signal } = context;
  const heap = nodeOptions.length > 0 ? 'small' : 'default';
  const topic = `bench.drain.${count}.${heap}`;
  const database = `bench_drain_${count}_${heap}`;
  const databaseUrl = await servers.createDatabase(database, BACKLOG);
  context.defer(() => servers.dropDatabase(database));
  await servers.createTopic(topic);
  const growth = watchTopicGrowth(servers.kafka.brokers, topic);
  context.defer(async () => growth.close());
  context.step(`draining with ${count} relay(s)`);
  const relays = await Promise.all(
    Array.from({ length: count }, () => startBenchRelay(context, { databaseUrl, topic }, nodeOptions)),
  );
  const shares =
    count === 1
      ? await growth.reaches(BEGUN, signal).then(() => '')
      : await sharedEqually({ databaseUrl, relays, growth, signal });
  const { usage, ...figures } = await measureDrain({
    growth,
    events: EVENTS,
    servers,
    databaseUrl,
    relays,
    signal,
  });
  for (const relay of relays) await stopBenchRelay(relay);
  const verdict = await verifyBacklog(servers.kafka.brokers, topic, EVENTS, signal);
  return {
    row: { relays: count, heap, ...figures, ...verdict },
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
