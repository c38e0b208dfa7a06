import { startArrivalLog } from '../bench-relay/arrival-log.ts';
import type { BenchContext, BenchPart } from '../bench-relay/bench-part.ts';
import { startChangeLoad } from '../bench-relay/change-load.ts';
import type { FigureRow } from '../bench/figure-table.ts';
import { setTimeout as pause } from 'node:timers/promises';
import { PEERS } from './peers.ts';
import { withPlace } from './peer-session.ts';
import type { Peer, PeerPlace } from './peer.ts';

const CHANGES_PER_SECOND = 1000;
const WARM_UP_SECONDS = 5;
const KILLED_AFTER_MS = 5000;

/** What a `kill -9` costs in doubled events and in silence, when the process is started again at once. */
export const crashPart: BenchPart = {
  name: 'crash',
  limitMs: 300_000,
  async run(context) {
    const rows: FigureRow[] = [];
    for (const peer of PEERS) {
      context.step(`killing ${peer.name}`);
      rows.push(await withPlace(context, peer, (own, place) => crash(own, peer, place)));
    }
    return [
      {
        title: `kill -9 at ${CHANGES_PER_SECOND.toLocaleString('en-US')} changes a second, started again at once`,
        columns: COLUMNS,
        rows,
        notes: [
          'silence is the longest time between two events that came for the first time; nothing that was committed is missing at the end',
        ],
      },
    ];
  },
};

const COLUMNS = [
  { key: 'peer', label: 'peer' },
  { key: 'changes', label: 'changes' },
  { key: 'duplicates', label: 'doubled' },
  { key: 'silenceSeconds', label: 'silence s', digits: 1 },
];

async function crash(context: BenchContext, peer: Peer, place: PeerPlace): Promise<FigureRow> {
  const { servers, defer, signal } = context;
  await peer.prepare?.(context, place.databaseUrl);
  const running = await peer.start(context, place);
  const load = await startChangeLoad(place.databaseUrl, peer.table);
  defer(() => load.stop());
  const seconds = context.quick ? 10 : 20;
  const warmUp = CHANGES_PER_SECOND * WARM_UP_SECONDS;
  const changes = CHANGES_PER_SECOND * seconds;
  const arrivals = await startArrivalLog(servers.kafka.brokers, place.topic, 1 + warmUp + changes);
  defer(() => arrivals.stop());
  // The first one shows that the peer runs.
  await load.run({ changesPerSecond: 1, seconds: 1, first: 0 });
  await arrivals.holds(1, signal);
  await load.run({ changesPerSecond: CHANGES_PER_SECOND, seconds: WARM_UP_SECONDS, first: 1 });
  await arrivals.holds(1 + warmUp, signal);
  const first = 1 + warmUp;
  const loading = load.run({ changesPerSecond: CHANGES_PER_SECOND, seconds, first });
  await pause(KILLED_AFTER_MS, undefined, { signal });
  await running.kill();
  const again = await peer.start(context, place);
  await loading;
  await arrivals.holds(first + changes, signal);
  await again.stop();
  const times = Float64Array.from({ length: changes }, (_, position) =>
    arrivals.atMs(first + position),
  ).sort();
  const silenceMs = times.reduce((longest, atMs, at) => Math.max(longest, atMs - (times[at - 1] ?? atMs)), 0);
  return { peer: peer.name, changes, duplicates: arrivals.duplicates(), silenceSeconds: silenceMs / 1000 };
}
