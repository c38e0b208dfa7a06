import { startArrivalLog } from '../bench-relay/arrival-log.ts';
import type { BenchContext, BenchPart } from '../bench-relay/bench-part.ts';
import { type PhaseLog, startChangeLoad } from '../bench-relay/change-load.ts';
import type { FigureRow } from '../bench/figure-table.ts';
import { peakMemoryMb } from '../bench/process-usage.ts';
import { type UsageReport, watchUsage } from '../bench/usage-window.ts';
import { debezium } from './debezium.ts';
import { PEERS } from './peers.ts';
import { median, withPlace } from './peer-session.ts';
import type { Peer, PeerPlace } from './peer.ts';
import { thisRelay } from './this-relay.ts';

interface Phase {
  readonly changesPerSecond: number;
  readonly seconds: number;
}

/** Few changes, until the peer runs; then enough of them for its compilers. */
const WARM_UP: readonly Phase[] = [
  { changesPerSecond: 20, seconds: 1 },
  { changesPerSecond: 1000, seconds: 10 },
];
const RATES = [200, 1000, 3000];

/** How late events are, and what they cost, while changes come at a given rate: peers take turns, figures are medians of the rounds. */
export const latencyPart: BenchPart = {
  name: 'latency',
  limitMs: 1_200_000,
  async run(context) {
    const rounds = context.quick ? 1 : 3;
    const measured: PhaseFigures[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      for (const peer of PEERS) {
        context.step(`round ${round} of ${rounds}: ${peer.name}`);
        measured.push(...(await withPlace(context, peer, (own, place) => measurePeer(own, peer, place))));
      }
    }
    const rows = RATES.flatMap((rate) => [
      ...PEERS.map(({ name }) => medians(measured, rate, name)),
      ratios(medians(measured, rate, thisRelay.name), medians(measured, rate, debezium.name)),
    ]);
    const others = measured.map(({ othersPercent }) => othersPercent);
    return [
      {
        title: `Commit → readable in Kafka, ms; CPU in µs per event; medians of ${rounds} rounds in which the peers took turns`,
        columns: COLUMNS,
        rows,
        notes: [
          'each change is a transaction of its own on one of 16 connections: order row locked and updated, then the outbox row inserted',
          'Postgres CPU is that of the whole server, the writers included; what writers reach is changes that were committed in a second',
          `others used ${Math.round(Math.min(...others))} to ${Math.round(Math.max(...others))} % of a core`,
        ],
      },
    ];
  },
};

const FIGURES = [
  { key: 'p50Ms', label: 'p50', digits: 1 },
  { key: 'p99Ms', label: 'p99', digits: 1 },
  { key: 'relayMicros', label: 'relay CPU' },
  { key: 'postgresMicros', label: 'Postgres CPU' },
  { key: 'kafkaMicros', label: 'Kafka CPU' },
  { key: 'reachedPerSecond', label: 'writers reach' },
  { key: 'peakMemoryMb', label: 'peak RSS MB' },
  { key: 'duplicates', label: 'doubled' },
] as const;
const COLUMNS = [{ key: 'rate', label: 'changes/s' }, { key: 'peer', label: '' }, ...FIGURES];

type PhaseFigures = Record<(typeof FIGURES)[number]['key'], number> & {
  readonly rate: number;
  readonly peer: string;
  readonly othersPercent: number;
};

async function measurePeer(context: BenchContext, peer: Peer, place: PeerPlace): Promise<PhaseFigures[]> {
  const { servers, defer, signal } = context;
  await peer.prepare?.(context, place.databaseUrl);
  const running = await peer.start(context, place);
  const load = await startChangeLoad(place.databaseUrl, peer.table);
  defer(() => load.stop());
  const seconds = context.quick ? 4 : 12;
  const phases = [...WARM_UP, ...RATES.map((changesPerSecond) => ({ changesPerSecond, seconds }))];
  const capacity = phases.reduce((sum, phase) => sum + countOf(phase), 0);
  const arrivals = await startArrivalLog(servers.kafka.brokers, place.topic, capacity);
  defer(() => arrivals.stop());
  const figures: PhaseFigures[] = [];
  let first = 0;
  for (const phase of phases) {
    const endUsage = watchUsage({
      relay: [running.pid],
      postgres: [servers.postgresPid],
      kafka: [servers.kafkaPid],
      load: [load.pid],
    });
    const log = await load.run({ ...phase, first });
    await arrivals.holds(first + countOf(phase), signal);
    const usage = endUsage();
    const lateMs = log.committedAtMs.map((atMs, position) => arrivals.atMs(first + position) - atMs).sort();
    first += countOf(phase);
    if (WARM_UP.includes(phase)) continue;
    figures.push({
      ...{ rate: phase.changesPerSecond, peer: peer.name },
      ...{ p50Ms: quantile(lateMs, 0.5), p99Ms: quantile(lateMs, 0.99) },
      ...costs(usage, countOf(phase)),
      reachedPerSecond: reachedPerSecond(log),
      peakMemoryMb: peakMemoryMb(running.pid),
      duplicates: arrivals.duplicates(),
    });
  }
  await running.stop();
  return figures;
}

const countOf = ({ changesPerSecond, seconds }: Phase): number => Math.round(changesPerSecond * seconds);

const quantile = (sorted: Float64Array, share: number): number =>
  sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;

function costs({ cpuSeconds, seconds, othersCpuSeconds }: UsageReport, events: number) {
  const micros = (name: string) => ((cpuSeconds[name] ?? Number.NaN) / events) * 1e6;
  return {
    relayMicros: micros('relay'),
    postgresMicros: micros('postgres'),
    kafkaMicros: micros('kafka'),
    othersPercent: (othersCpuSeconds / seconds) * 100,
  };
}

function reachedPerSecond({ dueAtMs, committedAtMs }: PhaseLog): number {
  const lastMs = committedAtMs.reduce((latest, atMs) => Math.max(latest, atMs), 0);
  return committedAtMs.length / ((lastMs - (dueAtMs[0] ?? 0)) / 1000);
}

function medians(measured: readonly PhaseFigures[], rate: number, peer: string): FigureRow {
  const own = measured.filter((figures) => figures.rate === rate && figures.peer === peer);
  return {
    ...{ rate, peer },
    ...Object.fromEntries(FIGURES.map(({ key }) => [key, median(own.map((figures) => figures[key]))])),
  };
}

function ratios(ours: FigureRow, theirs: FigureRow): FigureRow {
  const ratio = (key: string) => (Number(ours[key]) / Number(theirs[key])).toFixed(2);
  const compared = FIGURES.filter(({ key }) => key !== 'duplicates');
  return {
    ...{ rate: String(ours['rate']), peer: `${thisRelay.name} / ${debezium.name}` },
    ...Object.fromEntries(compared.map(({ key }) => [key, ratio(key)])),
  };
}
