import { type LogPoint, offsetsAt, oldestTimeMs, type PartitionPositions } from '../cluster/log-offsets.ts';
import { RETRY } from '../cluster/retry-figures.ts';
import { createRetryPause } from '../cluster/retry-pause.ts';
import { isTransient, type TopicCluster } from '../cluster/topic-cluster.ts';
import type { Isolation } from '../wire/fetch.ts';
import type { TopicMetadata } from '../wire/metadata.ts';
import { KafkaProtocolError } from '../wire/protocol-error.ts';

/**
 * Offsets of all partitions of one topic, in their order; undefined of one that cannot be asked at present, as without a leader. In
 * another topic of the same name they mean nothing.
 */
export type LogOffsets = readonly (bigint | undefined)[];

export interface LogPlace {
  readonly topicId: string;
  readonly next: LogOffsets;
}

/** Where the log of one topic begins and ends: of each partition the first offset, and the one after the last, or neither. */
export interface LogEnds {
  readonly topicId: string;
  readonly earliest: LogOffsets;
  readonly latest: LogOffsets;
}

/** What of a topic can be read. */
export interface LogRange extends LogEnds {
  /** When its oldest record was appended, of the partitions that can be asked; undefined while they have none. */
  readonly oldestTimeMs: number | undefined;
}

/**
 * Asks one topic, all partitions that it has now. A partition that cannot be asked is waited for as long as it takes to change its
 * leader, and then left open; while it stays so, nobody waits for it again. Rejects when no partition can be asked.
 */
export interface LogQuestions {
  ends(signal?: AbortSignal): Promise<LogEnds>;
  range(signal?: AbortSignal): Promise<LogRange>;
  place(at: LogPoint, signal?: AbortSignal): Promise<LogPlace>;
}

/** As long as a partition takes to change its leader, about half a second. */
const MAX_ATTEMPTS = 6;
/** A broker that does not answer takes a time-out each. */
const MAX_CONNECTION_ATTEMPTS = 2;

type Ask = (at: LogPoint) => Promise<PartitionPositions>;

/** What was asked of one topic, and what kept partitions from being asked. */
interface Answer<T> {
  readonly found: T;
  readonly unanswered: ReadonlyMap<number, Error>;
}

export function createLogQuestions(cluster: TopicCluster, isolation: Isolation): LogQuestions {
  /** Partitions that could not be asked the last time. */
  let open: ReadonlySet<number> = new Set();

  async function inOneTopic<T>(
    signal: AbortSignal | undefined,
    read: (ask: Ask, metadata: TopicMetadata) => Promise<T>,
  ): Promise<T> {
    const retry = createRetryPause(RETRY.cluster);
    for (let attempt = 1; ; attempt += 1) {
      const { found, unanswered } = await askOnce(cluster, isolation, signal, read);
      const awaited = [...unanswered].filter(([partition]) => !open.has(partition));
      const isAnswered = awaited.some(([, error]) => error instanceof KafkaProtocolError);
      if (awaited.length === 0 || attempt >= (isAnswered ? MAX_ATTEMPTS : MAX_CONNECTION_ATTEMPTS)) {
        open = new Set(unanswered.keys());
        return found;
      }
      await retry.wait(signal);
      signal?.throwIfAborted();
    }
  }

  return {
    ends: (signal) =>
      inOneTopic(signal, async (ask, metadata) =>
        endsOf(metadata, await ask('earliest'), await ask('latest')),
      ),

    range: (signal) =>
      inOneTopic(signal, async (ask, metadata) => {
        const earliest = await ask('earliest');
        const partitions = [...earliest.keys()];
        const oldest = await oldestTimeMs(cluster, metadata, { partitions, isolation }, signal);
        const ends = endsOf(metadata, earliest, await ask('latest'));
        return { ...ends, oldestTimeMs: oldest };
      }),

    place: (at, signal) =>
      inOneTopic(signal, async (ask, metadata) => ({
        topicId: metadata.topicId,
        next: inOrder(metadata, await ask(at)),
      })),
  };
}

/**
 * Brokers take questions about offsets by the topic's name alone: what they answer is of one topic when that one was there before and
 * after, since no id comes twice.
 */
function askOnce<T>(
  cluster: TopicCluster,
  isolation: Isolation,
  signal: AbortSignal | undefined,
  read: (ask: Ask, metadata: TopicMetadata) => Promise<T>,
): Promise<Answer<T>> {
  return cluster.withFreshMetadata(async (metadata) => {
    let before = metadata;
    for (;;) {
      const unanswered = new Map<number, Error>();
      const query = { partitions: [...before.leaders.keys()], isolation };
      const onUnanswered = (partition: number, error: Error) => {
        if (!isTransient(error)) throw error;
        unanswered.set(partition, error);
        if (unanswered.size === query.partitions.length) throw error;
      };
      const asked = before;
      const ask: Ask = (at) => offsetsAt(cluster, asked, at, query, signal, onUnanswered);
      const found = await read(ask, before);
      const after = await cluster.refresh(signal);
      if (isSameLog(before, after)) return { found, unanswered };
      before = after;
    }
  }, signal);
}

function inOrder({ leaders }: TopicMetadata, offsets: PartitionPositions): LogOffsets {
  return Array.from(leaders, (_, partition) => offsets.get(partition));
}

/** Who has answered one of two questions only is as good as one who has answered none. */
function endsOf(metadata: TopicMetadata, earliest: PartitionPositions, latest: PartitionPositions): LogEnds {
  const both = (offsets: PartitionPositions) =>
    new Map([...offsets].filter(([partition]) => earliest.has(partition) && latest.has(partition)));
  const { topicId } = metadata;
  return {
    topicId,
    earliest: inOrder(metadata, both(earliest)),
    latest: inOrder(metadata, both(latest)),
  };
}

function isSameLog(before: TopicMetadata, after: TopicMetadata): boolean {
  return before.topicId === after.topicId && before.leaders.length === after.leaders.length;
}
