import { withClient, type BenchServers } from './bench-servers.ts';
import { peakMemoryMb } from '../bench/process-usage.ts';
import type { TopicGrowth } from './topic-growth.ts';
import { type UsageReport, watchUsage } from '../bench/usage-window.ts';

export interface DrainFigures {
  readonly eventsPerSecond: number;
  readonly relayMicrosPerEvent: number;
  readonly postgresMicrosPerEvent: number;
  readonly kafkaMicrosPerEvent: number;
  /** Of all relays. */
  readonly peakMemoryMb: number;
  readonly walBytesPerEvent: number;
  readonly usage: UsageReport;
}

/** How tables show the figures. */
export const DRAIN_COLUMNS = [
  { key: 'eventsPerSecond', label: 'events/s' },
  { key: 'relayMicrosPerEvent', label: 'relay CPU µs/event', digits: 1 },
  { key: 'postgresMicrosPerEvent', label: 'Postgres CPU', digits: 1 },
  { key: 'kafkaMicrosPerEvent', label: 'Kafka CPU', digits: 1 },
  { key: 'peakMemoryMb', label: 'peak RSS MB' },
  { key: 'walBytesPerEvent', label: 'WAL B/event', digits: 1 },
];

/** Measures from now, while the drain is under way, to the last event; what came before is not counted, neither events nor CPU. */
export async function measureDrain(options: {
  readonly growth: TopicGrowth;
  readonly events: number;
  readonly servers: BenchServers;
  readonly databaseUrl: string;
  readonly relays: readonly { readonly pid: number }[];
  readonly signal: AbortSignal;
}): Promise<DrainFigures> {
  const { growth, servers, databaseUrl, relays } = options;
  const endUsage = watchUsage({
    relay: relays.map(({ pid }) => pid),
    postgres: [servers.postgresPid],
    kafka: [servers.kafkaPid],
  });
  const walBefore = await walPosition(databaseUrl);
  const lengthBefore = await growth.length();
  const beganMs = performance.now();
  const end = await growth.settles(options.events, options.signal);
  const usage = endUsage();
  const events = end.length - lengthBefore;
  const microsPerEvent = (name: string) => ((usage.cpuSeconds[name] ?? Number.NaN) / events) * 1e6;
  return {
    eventsPerSecond: events / ((end.lastGrowthMs - beganMs) / 1000),
    relayMicrosPerEvent: microsPerEvent('relay'),
    postgresMicrosPerEvent: microsPerEvent('postgres'),
    kafkaMicrosPerEvent: microsPerEvent('kafka'),
    peakMemoryMb: relays.reduce((sum, { pid }) => sum + peakMemoryMb(pid), 0),
    walBytesPerEvent: ((await walPosition(databaseUrl)) - walBefore) / events,
    usage,
  };
}

/** Bytes that the server has written to its log so far. */
export async function walPosition(databaseUrl: string): Promise<number> {
  return withClient(databaseUrl, async (client) => {
    const { rows } = await client.query(`SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn AS bytes`);
    return Number(rows[0]?.bytes);
  });
}
