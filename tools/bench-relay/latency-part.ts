import { type ArrivalLog, startArrivalLog } from './arrival-log.ts';
import type { FigureRow } from '../bench/figure-table.ts';
import type { BenchContext, BenchPart } from './bench-part.ts';
import { startBenchRelay } from './bench-relay-process.ts';
import { type ChangeLoad, type LoadPhase, type PhaseLog, startChangeLoad } from './change-load.ts';
import { describeUsage, watchUsage } from '../bench/usage-window.ts';

const WARM_UP = { changesPerSecond: 1000, seconds: 10 };
const PHASES = [
  { changesPerSecond: 200, seconds: 15 },
  { changesPerSecond: 1000, seconds: 15 },
  { changesPerSecond: 3000, seconds: 15 },
];
const TOPIC = 'bench.latency';
const DATABASE = 'bench_latency';

/** How long after its commit a change can be read in Kafka, while changes come at a given rate whatever becomes of them. */
export const latencyPart: BenchPart = {
  name: 'latency',
  limitMs: 120_000,
  async run(context) {
    const { servers, defer } = context;
    const databaseUrl = await servers.createDatabase(DATABASE);
    defer(() => servers.dropDatabase(DATABASE));
    await servers.createTopic(TOPIC);
    const relay = await startBenchRelay(context, { databaseUrl, topic: TOPIC });
    const load = await startChangeLoad(databaseUrl);
    defer(() => load.stop());
    const capacity = [WARM_UP, ...PHASES].reduce((sum, phase) => sum + countOf(phase), 0);
    const arrivals = await startArrivalLog(servers.kafka.brokers, TOPIC, capacity);
    defer(() => arrivals.stop());

    context.step('warming up');
    let first = 0;
    await measure(context, { load, arrivals }, { ...WARM_UP, first });
    first += countOf(WARM_UP);
    const rows: FigureRow[] = [];
    const notes: string[] = [];
    for (const phase of PHASES) {
      context.step(`${phase.changesPerSecond} changes a second for ${phase.seconds} s`);
      const usage = watchUsage({
        relay: [relay.pid],
        postgres: [servers.postgresPid],
        kafka: [servers.kafkaPid],
        load: [load.pid],
      });
      const log = await measure(context, { load, arrivals }, { ...phase, first });
      notes.push(`${phase.changesPerSecond}/s: ${describeUsage(usage())}`);
      rows.push(...latencyRows(phase.changesPerSecond, first, log, arrivals));
      first += countOf(phase);
    }
    notes.push(
      `each change is a transaction of its own on one of 16 connections: order row locked and updated, then the outbox row inserted`,
      `"from commit" begins when the client has the server's answer; "from due time" also counts what the load itself was late`,
      `${arrivals.duplicates()} duplicates`,
    );
    return [{ title: 'Commit → readable in Kafka, ms', columns: COLUMNS, rows, notes }];
  },
};

const COLUMNS = [
  { key: 'changesPerSecond', label: 'changes/s' },
  { key: 'measured', label: 'measured' },
  { key: 'p50Ms', label: 'p50', digits: 1 },
  { key: 'p99Ms', label: 'p99', digits: 1 },
  { key: 'p999Ms', label: 'p99.9', digits: 1 },
  { key: 'maxMs', label: 'max', digits: 1 },
  { key: 'changes', label: 'changes' },
];

function countOf(phase: { changesPerSecond: number; seconds: number }): number {
  return Math.round(phase.changesPerSecond * phase.seconds);
}

async function measure(
  { signal }: BenchContext,
  { load, arrivals }: { load: ChangeLoad; arrivals: ArrivalLog },
  phase: LoadPhase,
): Promise<PhaseLog> {
  const log = await load.run(phase);
  await arrivals.holds(phase.first + countOf(phase), signal);
  return log;
}

function latencyRows(
  changesPerSecond: number,
  first: number,
  { dueAtMs, committedAtMs }: PhaseLog,
  arrivals: ArrivalLog,
): FigureRow[] {
  const since = (begunAtMs: Float64Array) =>
    begunAtMs.map((atMs, position) => arrivals.atMs(first + position) - atMs).sort();
  const row = (measured: string, sorted: Float64Array) => {
    const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
    const figures = { p50Ms: at(0.5), p99Ms: at(0.99), p999Ms: at(0.999), maxMs: at(1) };
    return { changesPerSecond, measured, ...figures, changes: sorted.length };
  };
  return [
    row('from commit', since(committedAtMs)),
    row('from due time', since(dueAtMs)),
    row('commit itself', committedAtMs.map((atMs, position) => atMs - (dueAtMs[position] ?? 0)).sort()),
  ];
}
