import type { Transaction } from '@order-events/database';
import { EVENT_ID_HEADER, type LogReader, REPLAY_ID_HEADER } from '@order-events/messaging';
import { sql } from 'kysely';

export interface TopicRecords {
  /** Records of events, replays among them. */
  readonly events: number;
  readonly replays: number;
  /** Records without the id of an event: not of a relay. */
  readonly foreign: number;
}

const INSERTED_AT_ONCE = 5_000;
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

/**
 * Reads the whole topic into two temporary tables of the transaction, so that Postgres compares it with the outbox: `topic_record`
 * (event_id, replay_id, partition, log_offset) and `topic_range` (partition, start_offset, end_offset, scope_from: an event created
 * before may have been in the log and deleted since; null while nothing was deleted). Memory here: one response of each broker.
 */
export async function loadTopicRecords(
  transaction: Transaction,
  reader: LogReader,
  options: { readonly onProgress: (read: bigint, all: bigint) => void; readonly signal: AbortSignal },
): Promise<TopicRecords> {
  const { signal } = options;
  await sql`SET LOCAL idle_in_transaction_session_timeout = '5min'`.execute(transaction);
  await sql`CREATE TEMP TABLE topic_record
    (event_id uuid NOT NULL, replay_id text, partition int NOT NULL, log_offset bigint NOT NULL) ON COMMIT DROP`.execute(
    transaction,
  );
  const starts = await reader.offsets('earliest', undefined, signal);
  const ends = await reader.offsets('latest', undefined, signal);
  const endsReadAt = new Date();
  const firstAt = new Map<number, Date>();
  const batch = createBatch(transaction);
  const counts = { events: 0, replays: 0, foreign: 0 };
  const all = sumOf(ends) - sumOf(starts);
  let read = 0n;
  await reader.read(
    starts,
    ends,
    async ({ partition, records, nextOffset }) => {
      for (const { offset, timestampMs, headers } of records) {
        if (!firstAt.has(partition)) firstAt.set(partition, new Date(timestampMs));
        const eventId = headers[EVENT_ID_HEADER]?.toString() ?? '';
        if (!UUID.test(eventId)) {
          counts.foreign += 1;
          continue;
        }
        const replayId = headers[REPLAY_ID_HEADER]?.toString();
        counts.events += 1;
        if (replayId !== undefined) counts.replays += 1;
        await batch.add({ eventId, replayId, partition, offset });
      }
      read += nextOffset - (starts.get(partition) ?? 0n);
      starts.set(partition, nextOffset);
      options.onProgress(read, all);
    },
    signal,
  );
  await batch.flush();
  await sql`ANALYZE topic_record`.execute(transaction);
  await writeRanges(
    transaction,
    await reader.offsets('earliest', undefined, signal),
    ends,
    (partition) => firstAt.get(partition) ?? endsReadAt,
  );
  return counts;
}

interface TopicRecord {
  readonly eventId: string;
  readonly replayId: string | undefined;
  readonly partition: number;
  readonly offset: bigint;
}

function createBatch(transaction: Transaction) {
  let records: TopicRecord[] = [];
  async function flush(): Promise<void> {
    const full = records;
    records = [];
    await sql`
      INSERT INTO topic_record (event_id, replay_id, partition, log_offset)
      SELECT * FROM unnest(${full.map(({ eventId }) => eventId)}::uuid[], ${full.map(({ replayId }) => replayId ?? null)}::text[],
        ${full.map(({ partition }) => partition)}::int[], ${full.map(({ offset }) => offset)}::bigint[])`.execute(
      transaction,
    );
  }
  return {
    async add(record: TopicRecord): Promise<void> {
      records.push(record);
      if (records.length >= INSERTED_AT_ONCE) await flush();
    },
    flush,
  };
}

async function writeRanges(
  transaction: Transaction,
  starts: ReadonlyMap<number, bigint>,
  ends: ReadonlyMap<number, bigint>,
  firstAt: (partition: number) => Date,
): Promise<void> {
  const ranges = [...ends].map(([partition, end]) => {
    const start = starts.get(partition) ?? 0n;
    return { partition, start, end, scopeFrom: start > 0n ? firstAt(partition) : null };
  });
  await sql`
    CREATE TEMP TABLE topic_range
      (partition int NOT NULL, start_offset bigint NOT NULL, end_offset bigint NOT NULL, scope_from timestamptz)
      ON COMMIT DROP`.execute(transaction);
  await sql`
    INSERT INTO topic_range (partition, start_offset, end_offset, scope_from)
    SELECT * FROM unnest(${ranges.map(({ partition }) => partition)}::int[], ${ranges.map(({ start }) => start)}::bigint[],
      ${ranges.map(({ end }) => end)}::bigint[], ${ranges.map(({ scopeFrom }) => scopeFrom)}::timestamptz[])`.execute(
    transaction,
  );
}

function sumOf(positions: ReadonlyMap<number, bigint>): bigint {
  return [...positions.values()].reduce((sum, offset) => sum + offset, 0n);
}
