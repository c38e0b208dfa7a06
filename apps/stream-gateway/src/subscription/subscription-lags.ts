import {
  type LogEnds,
  type LogOffsets,
  type LogReader,
  OffsetOutOfRangeError,
  UnreadableBatchError,
} from '@order-events/messaging';
import { backlogAfter, committedPosition } from './subscription-position.ts';
import type { SubscriptionStore } from './subscription-store.ts';

/** What a subscription has not acknowledged, before filtering. */
export interface SubscriptionLag {
  readonly name: string;
  readonly unacknowledgedEvents: bigint;
  /** When the log took the oldest of them; undefined where that is not known: none was there at the look before. */
  readonly oldestLogTimeMs: number | undefined;
  /** The largest part of what one partition has, of those that have dropped records already; 0 while none has. */
  readonly shareOfLog: number;
}

export interface SubscriptionLags {
  /**
   * Looks at the subscriptions of the topic, those without streams as well, of very many at some: those that come next by their names.
   * Answers what is known of all.
   */
  measure(signal: AbortSignal): Promise<SubscriptionLag[]>;
  /** When the log took the oldest record after a position, as far as that was looked at. */
  oldestLogTimeMs(name: string, topicId: string, next: LogOffsets): number | undefined;
}

interface LookedAt {
  readonly lag: SubscriptionLag;
  /** The oldest record that is not acknowledged, by partition. */
  readonly oldest: ReadonlyMap<number, OldestRecord>;
}

interface OldestRecord {
  readonly offset: bigint;
  readonly logTimeMs: number;
}

/** Each costs Kafka two or more questions. */
const MOST_AT_A_LOOK = 500;
/** Each brings a batch of the log. What is left is read at the next look. */
const MOST_READS_AT_A_LOOK = 2_000;
/** At least one batch is answered. */
const ONE_RECORD_BYTES = 1;

export function createSubscriptionLags(
  store: SubscriptionStore,
  reader: Pick<LogReader, 'ends' | 'fetchBlock'>,
): SubscriptionLags {
  const known = new Map<string, LookedAt>();
  let endsBefore: LogEnds | undefined;
  let lastName = '';

  /** Forgets those that are gone, and all of another topic. Answers those whose turn it is. */
  function due(names: readonly string[], { topicId }: LogEnds): string[] {
    if (endsBefore?.topicId !== topicId) {
      known.clear();
      endsBefore = undefined;
    }
    const there = new Set(names);
    for (const name of known.keys()) if (!there.has(name)) known.delete(name);
    const first = names.findIndex((name) => name > lastName);
    return [...names.slice(first), ...names.slice(0, first)].slice(0, MOST_AT_A_LOOK);
  }

  /** Undefined when it cannot be told: retention was faster, the batch cannot be read, or the relay has sent no time. */
  async function logTimeMs(
    partition: number,
    offset: bigint,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    try {
      const { records } = await reader.fetchBlock(partition, offset, ONE_RECORD_BYTES, signal);
      return records.find(({ timestampMs }) => timestampMs >= 0)?.timestampMs;
    } catch (error: unknown) {
      if (error instanceof OffsetOutOfRangeError || error instanceof UnreadableBatchError) return undefined;
      throw error;
    }
  }

  /** Of subscriptions that are worked on nothing is read, and of those that stand still nothing twice. */
  async function oldestRecords(
    name: string,
    next: LogOffsets,
    ends: LogEnds,
    reads: { left: number },
    signal: AbortSignal,
  ): Promise<Map<number, OldestRecord>> {
    const before = known.get(name)?.oldest;
    const oldest = new Map<number, OldestRecord>();
    for (const [partition, committed] of next.entries()) {
      const earliest = ends.earliest[partition];
      let record = before?.get(partition);
      if (committed === undefined || earliest === undefined) {
        // What cannot be looked at is as it was.
        if (record && record.offset === committed) oldest.set(partition, record);
        continue;
      }
      const offset = committed > earliest ? committed : earliest;
      if (offset >= ((endsBefore ?? ends).latest[partition] ?? 0n)) continue;
      if (record?.offset !== offset) {
        if (reads.left === 0) continue;
        reads.left -= 1;
        const timeMs = await logTimeMs(partition, offset, signal);
        record = timeMs === undefined ? undefined : { offset, logTimeMs: timeMs };
      }
      if (record) oldest.set(partition, record);
    }
    return oldest;
  }

  return {
    async measure(signal) {
      const names = await store.names(signal);
      const ends = await reader.ends(signal);
      const reads = { left: MOST_READS_AT_A_LOOK };
      for (const name of due(names, ends)) {
        lastName = name;
        const found = await store.read(name, signal);
        if (!found) {
          known.delete(name);
          continue;
        }
        const { next } = committedPosition(found.committed, ends);
        const oldest = await oldestRecords(name, next, ends, reads, signal);
        const oldestLogTimeMs = least(oldest.values());
        known.set(name, {
          lag: {
            name,
            unacknowledgedEvents: backlogAfter(next, ends),
            oldestLogTimeMs,
            shareOfLog: shareOfLog(next, ends),
          },
          oldest,
        });
      }
      endsBefore = ends;
      return Array.from(known.values(), ({ lag }) => lag);
    },

    oldestLogTimeMs(name, topicId, next) {
      if (endsBefore?.topicId !== topicId) return undefined;
      const oldest = known.get(name)?.oldest ?? [];
      // What was acknowledged since is not the oldest any more.
      const unacknowledged = [...oldest].filter(
        ([partition, { offset }]) => (next[partition] ?? 0n) <= offset,
      );
      return least(unacknowledged.map(([, record]) => record));
    },
  };
}

function shareOfLog(next: LogOffsets, { earliest, latest }: LogEnds): number {
  const shares = next.map((committed, partition) => {
    const [first = 0n, end = 0n] = [earliest[partition], latest[partition]];
    if (committed === undefined || first === 0n || end <= first || end <= committed) return 0;
    return committed <= first ? 1 : Number(end - committed) / Number(end - first);
  });
  return Math.max(0, ...shares);
}

function least(records: Iterable<OldestRecord>): number | undefined {
  const times = Array.from(records, ({ logTimeMs }) => logTimeMs);
  return times.length > 0 ? Math.min(...times) : undefined;
}
