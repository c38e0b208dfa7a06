import type { BenchContext, BenchPart } from '../bench-relay/bench-part.ts';
import { PARTITION_COUNT, withClient } from '../bench-relay/bench-servers.ts';
import { DRAIN_COLUMNS, measureDrain } from '../bench-relay/drain-measurement.ts';
import type { OutboxTable } from '../bench-relay/outbox-tables.ts';
import { verifyBacklog, watchTopicGrowth } from '../bench-relay/topic-growth.ts';
import { insertWaitingEvents } from '../bench-relay/waiting-events.ts';
import type { FigureRow } from '../bench/figure-table.ts';
import { describeUsage } from '../bench/usage-window.ts';
import { PEERS } from './peers.ts';
import { withPlace } from './peer-session.ts';
import type { Peer, PeerPlace } from './peer.ts';

const EVENTS = 300_000;
const QUICK_EVENTS = 50_000;
const EVENTS_OF_TRANSACTION = 5000;

/** How fast each gets the same backlog into Kafka, and at what cost. */
export const drainPart: BenchPart = {
  name: 'drain',
  limitMs: 600_000,
  async run(context) {
    const events = context.quick ? QUICK_EVENTS : EVENTS;
    const notes = ['from the first thousands of events on: that Debezium starts for longer is not counted'];
    const rows: FigureRow[] = [];
    for (const peer of PEERS) {
      const { row, note } = await withPlace(context, peer, (own, place) => drain(own, peer, place, events));
      rows.push(row);
      notes.push(`${peer.name}: ${note}`);
    }
    const [ours, ...others] = rows;
    for (const other of others) {
      const ratio = Number(ours?.['eventsPerSecond']) / Number(other['eventsPerSecond']);
      notes.push(`this relay: ${ratio.toFixed(1)} times the events/s of ${other['peer']}`);
    }
    return [
      { title: `Drain of ${events.toLocaleString('en-US')} waiting events`, columns: COLUMNS, rows, notes },
    ];
  },
};

const COLUMNS = [
  { key: 'peer', label: 'peer' },
  ...DRAIN_COLUMNS,
  { key: 'deadRows', label: 'dead rows' },
  { key: 'missing', label: 'missing' },
  { key: 'duplicated', label: 'doubled' },
  { key: 'outOfOrder', label: 'out of order' },
];

async function drain(
  context: BenchContext,
  peer: Peer,
  place: PeerPlace,
  events: number,
): Promise<{ row: FigureRow; note: string }> {
  const { servers, signal, step, defer } = context;
  step(`inserting ${events.toLocaleString('en-US')} waiting events for ${peer.name}`);
  await insertWaitingEvents(place.databaseUrl, events);
  await peer.prepare?.(context, place.databaseUrl);
  await copyEvents(place.databaseUrl, peer.table);
  const growth = watchTopicGrowth(servers.kafka.brokers, place.topic);
  defer(async () => growth.close());
  step(`draining with ${peer.name}`);
  const running = await peer.start(context, place);
  // Fences of the first claims are in the topic before any event; beyond them the drain has begun.
  await growth.reaches(PARTITION_COUNT + events / 100, signal);
  const { databaseUrl } = place;
  const measurement = { growth, events, servers, databaseUrl, relays: [running], signal };
  const { usage, ...figures } = await measureDrain(measurement);
  await running.stop();
  const verdict = await verifyBacklog(servers.kafka.brokers, place.topic, events, signal);
  const deadRows = await rewrittenRows(databaseUrl, peer.table);
  return { row: { peer: peer.name, ...figures, deadRows, ...verdict }, note: describeUsage(usage) };
}

async function copyEvents(databaseUrl: string, { copy }: OutboxTable): Promise<void> {
  if (copy === undefined) return;
  await withClient(databaseUrl, async (client) => {
    const { rows } = await client.query<{ last: string }>('SELECT max(seq)::text AS last FROM outbox');
    const last = Number(rows[0]?.last);
    for (let seq = 0; seq < last; seq += EVENTS_OF_TRANSACTION) {
      await client.query(copy, [seq, seq + EVENTS_OF_TRANSACTION]);
    }
  });
}

/** Versions of rows that were left behind by updates and deletes, whether or not they are vacuumed by now. */
async function rewrittenRows(databaseUrl: string, { name }: OutboxTable): Promise<number> {
  return withClient(databaseUrl, async (client) => {
    // Sessions tell what they did with some delay, those that have ended at once.
    const { rows } = await client.query<{ dead: string }>(
      `SELECT sum(n_tup_upd + n_tup_del)::text AS dead FROM pg_stat_user_tables WHERE relname = $1 OR relname = $1 || '_default'`,
      [name],
    );
    return Number(rows[0]?.dead);
  });
}
