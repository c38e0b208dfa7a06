import {
  EVENT_ID_HEADER,
  type LogReader,
  REPLAY_ID_HEADER,
  type UnreadableBatchError,
} from '@order-events/messaging';
import type { ClientBase } from 'pg';

export interface TopicRecords {
  /** Records of events, replays among them. */
  readonly events: number;
  readonly replays: number;
  /** Records without the id of an event: not of a relay. */
  readonly foreign: number;
  /** Parts that cannot be read: whatever they hold counts as not there. */
  readonly unreadable: readonly UnreadableBatchError[];
}

const INSERTED_AT_ONCE = 5_000;
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

/**
 * Reads the whole topic into two temporary tables of the transaction, so that Postgres compares it with the outbox: `topic_record`
 * (event_id, replay_id, partition, log_offset) and `topic_range` (partition, start_offset, end_offset, scope_from: an event created
 * before may have been in the log and deleted since; null while nothing was deleted). Memory here: one response of each broker.
 */
export async function loadTopicRecords(
  client: ClientBase,
  reader: LogReader,
  options: { readonly onProgress: (read: bigint, all: bigint) => void; readonly signal: AbortSignal },
): Promise<TopicRecords> {
  const { signal } = options;
  await client.query(`SET LOCAL idle_in_transaction_session_timeout = '5min'`);
  await client.query(
    `CREATE TEMP TABLE topic_record
     (event_id uuid NOT NULL, replay_id text, partition int NOT NULL, log_offset bigint NOT NULL) ON COMMIT DROP`,
  );
  const starts = await reader.offsets('earliest', undefined, signal);
  const ends = await reader.offsets('latest', undefined, signal);
  const endsReadAt = new Date();
  const firstAt = new Map<number, Date>();
  const batch = createBatch(client);
  const counts = { events: 0, replays: 0, foreign: 0 };
  const unreadable: UnreadableBatchError[] = [];
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
    (part) => unreadable.push(part),
  );
  await batch.flush();
  await client.query('ANALYZE topic_record');
  await writeRanges(
    client,
    await reader.offsets('earliest', undefined, signal),
    ends,
    (partition) => firstAt.get(partition) ?? endsReadAt,
  );
  return { ...counts, unreadable };
}

interface TopicRecord {
  readonly eventId: string;
  readonly replayId: string | undefined;
  readonly partition: number;
  readonly offset: bigint;
}

function createBatch(client: ClientBase) {
  let records: TopicRecord[] = [];
  async function flush(): Promise<void> {
    const full = records;
    records = [];
    await client.query(
      `INSERT INTO topic_record (event_id, replay_id, partition, log_offset)
       SELECT * FROM unnest($1::uuid[], $2::text[], $3::int[], $4::bigint[])`,
      [
        full.map(({ eventId }) => eventId),
        full.map(({ replayId }) => replayId ?? null),
        full.map(({ partition }) => partition),
        full.map(({ offset }) => offset),
      ],
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
  client: ClientBase,
  starts: ReadonlyMap<number, bigint>,
  ends: ReadonlyMap<number, bigint>,
  firstAt: (partition: number) => Date,
): Promise<void> {
  const ranges = [...ends].map(([partition, end]) => {
    const start = starts.get(partition) ?? 0n;
    return { partition, start, end, scopeFrom: start > 0n ? firstAt(partition) : null };
  });
  await client.query(
    `CREATE TEMP TABLE topic_range
     (partition int NOT NULL, start_offset bigint NOT NULL, end_offset bigint NOT NULL, scope_from timestamptz)
     ON COMMIT DROP`,
  );
  await client.query(
    `INSERT INTO topic_range (partition, start_offset, end_offset, scope_from)
     SELECT * FROM unnest($1::int[], $2::bigint[], $3::bigint[], $4::timestamptz[])`,
    [
      ranges.map(({ partition }) => partition),
      ranges.map(({ start }) => start),
      ranges.map(({ end }) => end),
      ranges.map(({ scopeFrom }) => scopeFrom),
    ],
  );
}

function sumOf(positions: ReadonlyMap<number, bigint>): bigint {
  return [...positions.values()].reduce((sum, offset) => sum + offset, 0n);
}
