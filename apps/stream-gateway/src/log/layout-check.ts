import {
  isCanaryRecord,
  isExpectedAt,
  LayoutForbiddenError,
  type LogEnds,
  type PartitionBatch,
  type TopicLayout,
  truncatedLayout,
  UNCHANGED_LAYOUT,
  withoutPassed,
} from '@order-events/messaging';
import type { SparingWarn } from '@order-events/runtime';
import type { OrderLog } from './order-log.ts';

/** What was recorded about changes of the topic's partitions until now. */
export type ReadLayout = (topicId: string, signal: AbortSignal) => Promise<TopicLayout>;

const READ_DEADLINE_MS = 10_000;

/** What was recorded about the partitions cannot be read now. Events may come out of order without it, so its message says what waits. */
export class LayoutUnreadError extends Error {
  override readonly name = 'LayoutUnreadError';

  constructor(cause: unknown) {
    super(
      'nothing is delivered until it can be read where partitions have changed (the topic <topic>.layout)',
      {
        cause,
      },
    );
  }
}

/**
 * Who may not look goes on as if nothing had been recorded, and says so; any other failure is one of Kafka, and is waited out: it is a
 * LayoutUnreadError.
 */
export function lenientLayout(read: ReadLayout, warn: SparingWarn): ReadLayout {
  return async (topicId, signal) => {
    try {
      return await read(topicId, AbortSignal.any([signal, AbortSignal.timeout(READ_DEADLINE_MS)]));
    } catch (error: unknown) {
      if (!(error instanceof LayoutForbiddenError))
        throw signal.aborted ? error : new LayoutUnreadError(error);
      warn({ reason: error }, 'orders may come out of order across a resize: see docs/connections.md');
      return UNCHANGED_LAYOUT;
    }
  };
}

/** The layout of a log that begins and ends there: without what is behind it, and nothing waits for what it does not have. */
export function fitLayout(layout: TopicLayout, { earliest, latest }: Omit<LogEnds, 'topicId'>): TopicLayout {
  const ahead = withoutPassed(layout, (partition) => earliest[partition] ?? 0n);
  return latest.reduce<TopicLayout>(
    (fitted, end, partition) => (end === undefined ? fitted : truncatedLayout(fitted, partition, end)),
    ahead,
  );
}

/** What is known, which may have been cut to what the log has, and what has been recorded since. */
export function withRecorded(known: TopicLayout, recorded: TopicLayout): TopicLayout {
  const added = recorded.filter(
    ({ count, changedAt }) =>
      !known.some((change) => change.count === count && change.changedAt.getTime() === changedAt.getTime()),
  );
  return added.length > 0 ? [...known, ...added] : known;
}

export interface LayoutCheck {
  /** The topic had no partitions, at that time of the monotonic clock, that the log does not know. */
  upToDate(atMs: number): void;
  /**
   * Looks for new changes before anybody is given what may lie beyond one: an event that stands where its key does not belong by
   * what is known was written for another number of partitions, and that was recorded before. Rejects when it cannot look.
   */
  before(batch: PartitionBatch, signal: AbortSignal): Promise<void>;
}

/** In so many looks at the topic, or so long, partitions may be added once, but hardly twice: an event could seem to be at home again. */
const CHECKS_MISSED = 3;
const LEAST_UNSEEN_MS = 10_000;

export function createLayoutCheck(
  orderLog: Pick<OrderLog, 'topic' | 'layout' | 'setLayout' | 'keepsUpWith'>,
  read: ReadLayout,
  partitionCheckMs: number,
): LayoutCheck {
  const maxUnseenMs = Math.max(CHECKS_MISSED * partitionCheckMs, LEAST_UNSEEN_MS);
  let seenAtMs = Number.NEGATIVE_INFINITY;

  async function look(topicId: string, signal: AbortSignal): Promise<void> {
    const recorded = await read(topicId, signal);
    const layout = withRecorded(orderLog.layout(), recorded);
    if (layout === orderLog.layout()) return;
    orderLog.setLayout(layout);
    orderLog.keepsUpWith(topicId, Math.max(...layout.map(({ count }) => count)));
  }

  return {
    upToDate(atMs) {
      seenAtMs = Math.max(seenAtMs, atMs);
    },
    async before({ records }, signal) {
      const topic = orderLog.topic();
      if (!topic) return;
      const isForeign = !records.every((record) => isAtHome(record, orderLog.layout(), topic.partitionCount));
      if (!isForeign && performance.now() - seenAtMs <= maxUnseenMs) return;
      seenAtMs = performance.now();
      try {
        await look(topic.id, signal);
      } catch (error: unknown) {
        // Where nothing tells of a change, who cannot look goes on.
        if (isForeign) throw error;
      }
    },
  };
}

function isAtHome(record: PartitionBatch['records'][number], layout: TopicLayout, count: number): boolean {
  if (record.key === null || isCanaryRecord(record)) return true;
  const { partition, offset, key } = record;
  return isExpectedAt({ partition, offset, key: key.toString() }, layout, count);
}
