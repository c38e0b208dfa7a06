import type { FigureColumn, FigureRow } from '../bench/figure-table.ts';
import { scheduledMicros } from '../bench/process-usage.ts';
import { describeUsage, watchUsage } from '../bench/usage-window.ts';
import { percentile } from '../load/percentiles.ts';
import type { BenchContext } from './bench-part.ts';

const ROUNDS = 7;
const QUICK_ROUNDS = 3;
const ROUND_MS = 1_500;
const QUICK_ROUND_MS = 400;

/** One of the ways that take turns. */
export interface MeasuredWay {
  readonly name: string;
  /** Of the API that is asked. */
  readonly apiPid: number;
  /** Done before each of its rounds. */
  readonly before?: () => Promise<unknown>;
  /** Makes one request; rejects when its answer is not the right one. */
  readonly ask: () => Promise<unknown>;
}

interface Round {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly apiMicros: number;
}

export const ROUND_COLUMNS: readonly FigureColumn[] = [
  { key: 'way', label: 'what' },
  { key: 'concurrency', label: 'at a time' },
  { key: 'perSecond', label: 'requests/s' },
  { key: 'ratio', label: 'ratio', digits: 2 },
  { key: 'p50Ms', label: 'p50 ms', digits: 2 },
  { key: 'p99Ms', label: 'p99 ms', digits: 2 },
  { key: 'p99Ratio', label: 'ratio', digits: 2 },
  { key: 'apiMicros', label: 'API CPU µs' },
];

export const ROUND_NOTE =
  'medians of rounds in which the ways took turns; the ratios are those of a round to the round of the first way beside it';

/**
 * Has the ways take turns, forwards and backwards, so that whatever else the machine does falls on all of them. Answers with a row for
 * each and with what shared the cores.
 */
export async function measureInTurns(
  context: BenchContext,
  concurrency: number,
  ways: readonly MeasuredWay[],
): Promise<{ rows: FigureRow[]; note: string }> {
  const rounds = context.quick ? QUICK_ROUNDS : ROUNDS;
  const roundMs = context.quick ? QUICK_ROUND_MS : ROUND_MS;
  const results = ways.map((): Round[] => []);
  context.step(`${ways.map(({ name }) => name).join(', ')}: ${concurrency} at a time`);
  for (const { before, ask } of ways) {
    await before?.();
    await askFor(ask, concurrency, roundMs, context.signal);
  }
  const usage = watchUsage({
    api: [...new Set(ways.map(({ apiPid }) => apiPid))],
    postgres: [context.servers.postgresPid],
  });
  for (let round = 0; round < rounds; round += 1) {
    const turns = [...ways.entries()];
    for (const [index, way] of round % 2 === 0 ? turns : turns.toReversed()) {
      await way.before?.();
      results[index]?.push(await measureRound(way, concurrency, roundMs, context.signal));
    }
  }
  const [first = []] = results;
  const rows = ways.map(({ name }, index) => ({
    way: name,
    concurrency,
    ...rowOf(results[index] ?? [], first),
  }));
  return { rows, note: `${concurrency} at a time: ${describeUsage(usage())}` };
}

async function measureRound(
  { ask, apiPid }: MeasuredWay,
  concurrency: number,
  roundMs: number,
  signal: AbortSignal,
): Promise<Round> {
  const microsBefore = scheduledMicros(apiPid);
  const startedMs = performance.now();
  const latencies = await askFor(ask, concurrency, roundMs, signal);
  const seconds = (performance.now() - startedMs) / 1000;
  return {
    perSecond: latencies.length / seconds,
    p50Ms: percentile(latencies, 50),
    p99Ms: percentile(latencies, 99),
    apiMicros: (scheduledMicros(apiPid) - microsBefore) / latencies.length,
  };
}

/** Asks for so long, some at a time, and answers how long each took. */
async function askFor(
  ask: MeasuredWay['ask'],
  concurrency: number,
  durationMs: number,
  signal: AbortSignal,
): Promise<number[]> {
  const latencies: number[] = [];
  const untilMs = performance.now() + durationMs;
  async function askOneAfterAnother(): Promise<void> {
    for (let begunMs = performance.now(); begunMs < untilMs; begunMs = performance.now()) {
      signal.throwIfAborted();
      await ask();
      latencies.push(performance.now() - begunMs);
    }
  }
  await Promise.all(Array.from({ length: concurrency }, askOneAfterAnother));
  return latencies;
}

function rowOf(rounds: readonly Round[], first: readonly Round[]): FigureRow {
  const median = (key: keyof Round) =>
    percentile(
      rounds.map((round) => round[key]),
      50,
    );
  const ratio = (key: keyof Round) =>
    percentile(
      rounds.map((round, index) => round[key] / (first[index]?.[key] ?? Number.NaN)),
      50,
    );
  return {
    perSecond: median('perSecond'),
    ratio: ratio('perSecond'),
    p50Ms: median('p50Ms'),
    p99Ms: median('p99Ms'),
    p99Ratio: ratio('p99Ms'),
    apiMicros: median('apiMicros'),
  };
}
