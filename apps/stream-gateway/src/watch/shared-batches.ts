import type { EventBlock } from '../log/event-block.ts';
import type { OrderLogView } from '../log/order-log.ts';
import {
  type BatchLimits,
  boundariesAhead,
  type Cursor,
  partitionsFrom,
  readBatch,
} from '../log/event-batch.ts';
import type { EventFilter } from '../log/event-filter.ts';
import { createLogPosition, type LogPosition, positionAt } from '../position/log-position.ts';
import type { WatchMessage } from './watch-message.ts';

/** Streams that get the same from the same place. */
export interface ReadGroup {
  readonly filter: EventFilter;
  readonly limits: BatchLimits;
  readonly key: string;
}

export function readGroup(filter: EventFilter, limits: BatchLimits): ReadGroup {
  const { maxEvents, maxBytes, maxScanned } = limits;
  return { filter, limits, key: `${maxEvents}/${maxBytes}/${maxScanned}/${filter.key}` };
}

/** What readBatch has found, for every stream of a group that stands at the same place. */
export interface SharedBatch {
  /** The matching events with the token after them; undefined when nothing matched. */
  readonly message: WatchMessage | undefined;
  readonly after: LogPosition;
  readonly scanned: number;
  /** See EventBatch. */
  readonly belowRing: readonly number[];
  readonly full: boolean;
  /** Records that cannot be read and lie between the position and `after`; undefined when there are none. */
  readonly missed: bigint | undefined;
}

/** Reads the log once for all streams that want the same: thousands of watchers follow a few filters at the end of the log. */
export interface SharedBatches {
  /** The next batch after a position. `loaded` is a block of history that was fetched for it. */
  read(position: LogPosition, group: ReadGroup, loaded?: EventBlock): SharedBatch;
  /**
   * When this process has read the oldest event after a position, on the monotonic clock. -Infinity: memory does not hold it any
   * more. Infinity: there is none.
   */
  oldestUnreadAtMs(position: LogPosition): number;
}

/** What is known of one position while the log does not change. */
interface KnownPosition {
  readonly batches: Map<string, { readonly loaded: EventBlock | undefined; readonly batch: SharedBatch }>;
  oldestUnreadAtMs: number | undefined;
}

/** Of what is remembered: while nothing is appended, streams with ever other filters may come and go. */
const MAX_REMEMBERED_BYTES = 16 * 1024 * 1024;
/** Of a position or a batch, about, without the encoded events. */
const ENTRY_BYTES = 1_000;

type ReadableLog = Pick<
  OrderLogView,
  'blockAt' | 'head' | 'end' | 'isReadable' | 'revision' | 'layout' | 'edge'
>;

/**
 * Batches are remembered only until the log changes, and by the position they were read at, never by a batch before them: a stream
 * that stands still holds its position and nothing that was read since.
 */
export function createSharedBatches(log: ReadableLog): SharedBatches {
  const known = new Map<string, KnownPosition>();
  let knownRevision = -1;
  let knownBytes = 0;

  const isKnown = (partition: number) => log.end(partition) !== undefined;

  function forget(): void {
    known.clear();
    knownBytes = 0;
  }

  function lookUp(position: LogPosition): KnownPosition {
    if (knownRevision !== log.revision()) {
      forget();
      knownRevision = log.revision();
    } else if (knownBytes > MAX_REMEMBERED_BYTES) forget();
    const key = position.key();
    let entry = known.get(key);
    if (!entry) {
      entry = { batches: new Map(), oldestUnreadAtMs: undefined };
      known.set(key, entry);
      knownBytes += ENTRY_BYTES;
    }
    return entry;
  }

  function positionAfter(before: LogPosition, next: Cursor): LogPosition {
    const { topicId, turn, logTimeMs } = before;
    const edge = log.edge();
    const isOfEdge = edge?.topicId === topicId && edge.next.length === next.length;
    const isRead = (partition: number) => next[partition] === edge?.next[partition];
    if (isOfEdge && next.every((_, partition) => isRead(partition))) return positionAt(edge);
    // A stream that waits for its history has not had its turn yet.
    if (next.every((offset, partition) => offset === before.next[partition])) return before;
    // All who stand alike have the same position, also while some partitions have never been read.
    const isAtEnd = isOfEdge && next.every((_, partition) => isRead(partition) || !isKnown(partition));
    return createLogPosition(topicId, next, isAtEnd ? 0 : (turn + 1) % next.length, logTimeMs);
  }

  return {
    read(position, { filter, limits, key }, loaded) {
      const { batches } = lookUp(position);
      const remembered = batches.get(key);
      if (remembered && remembered.loaded === loaded) return remembered.batch;
      const cursor = [...position.next];
      const partitions = partitionsFrom(position.turn, cursor.length);
      const boundaries = boundariesAhead(log.layout(), cursor);
      const found = readBatch(log, cursor, partitions, filter, limits, loaded, boundaries);
      const { events, scanned, belowRing, full, gap } = found;
      const after = positionAfter(position, cursor);
      const message = events.length > 0 ? { events, resumeToken: after.token() } : undefined;
      const batch = { message, after, scanned, belowRing, full, missed: gap && gap.next - gap.from };
      batches.set(key, { loaded, batch });
      knownBytes += ENTRY_BYTES;
      for (const { encoded } of events) knownBytes += encoded.length;
      return batch;
    },

    oldestUnreadAtMs(position) {
      const entry = lookUp(position);
      return (entry.oldestUnreadAtMs ??= oldestUnread(log, position));
    },
  };
}

function oldestUnread(log: ReadableLog, { next }: LogPosition): number {
  return next.reduce((oldestMs, offset, partition) => {
    if (offset === undefined || offset >= log.head(partition)) return oldestMs;
    return Math.min(oldestMs, log.blockAt(partition, offset)?.readAtMs ?? Number.NEGATIVE_INFINITY);
  }, Number.POSITIVE_INFINITY);
}
