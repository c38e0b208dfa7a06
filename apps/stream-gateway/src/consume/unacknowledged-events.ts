/** Where one matching event of a message is in the log. */
export interface SentEvent {
  readonly partition: number;
  readonly offset: bigint;
}

/** The events that a stream has sent and its client has not acknowledged, in the order of the messages. */
export interface UnacknowledgedEvents {
  /** A message with these events goes out, in log order per partition. Answers its number, which is one more than that of the last. */
  sent(events: readonly SentEvent[]): number;
  /** Number of the newest message with events; 0 before the first. */
  newestMessage(): number;
  /**
   * Everything up to this message is processed. Events of partitions that were dropped in the meantime are none of this stream's any
   * more. Throws a RangeError for a message that has not been sent.
   */
  acknowledge(messageNumber: number): void;
  /** How many more events may be sent. */
  credit(): number;
  /** How many wait for their acknowledgement. */
  count(): number;
  /** When the oldest of them was sent, on the monotonic clock; undefined when there is none. */
  oldestSentMs(): number | undefined;
  /** The first event of a partition that is not acknowledged: everything before it is done. Undefined when there is none. */
  firstOffset(partition: number): bigint | undefined;
  /** The partition belongs to another stream now, or is read again: its events are given back their credit and forgotten. */
  drop(partition: number): void;
}

/** The events of one partition in one message. */
interface SentRun {
  readonly messageNumber: number;
  readonly firstOffset: bigint;
  /** Whole ones take less memory. */
  readonly sentMs: number;
  count: number;
}

/** Credit up to which nothing is counted: what clients get that ask for none. */
const ORDINARY_CREDIT = 1_000;
/** When each event is a message of its own, as it is where few orders change. */
const RUN_BYTES = 88;

/** Memory that a client's credit may take beyond the ordinary, about. */
export function creditBytes(maxEvents: number): number {
  return Math.max(0, maxEvents - ORDINARY_CREDIT) * RUN_BYTES;
}

export function createUnacknowledgedEvents(maxEvents: number): UnacknowledgedEvents {
  /** Oldest first. */
  const runsByPartition = new Map<number, SentRun[]>();
  let newestMessage = 0;
  let count = 0;

  return {
    sent(events) {
      newestMessage += 1;
      const sentMs = Math.floor(performance.now());
      for (const { partition, offset } of events) {
        const runs = runsByPartition.get(partition) ?? [];
        runsByPartition.set(partition, runs);
        const run = runs.at(-1);
        if (run?.messageNumber === newestMessage) run.count += 1;
        else runs.push({ messageNumber: newestMessage, firstOffset: offset, sentMs, count: 1 });
      }
      count += events.length;
      return newestMessage;
    },

    newestMessage: () => newestMessage,

    acknowledge(messageNumber) {
      if (messageNumber > newestMessage) {
        throw new RangeError(`message ${messageNumber} has not been sent, ${newestMessage} is the newest`);
      }
      for (const runs of runsByPartition.values()) {
        const rest = runs.findIndex((run) => run.messageNumber > messageNumber);
        for (const run of runs.splice(0, rest === -1 ? runs.length : rest)) count -= run.count;
      }
    },

    credit: () => Math.max(0, maxEvents - count),
    count: () => count,
    oldestSentMs() {
      const oldest = [...runsByPartition.values()].flatMap(([run]) => run?.sentMs ?? []);
      return oldest.length > 0 ? Math.min(...oldest) : undefined;
    },
    firstOffset: (partition) => runsByPartition.get(partition)?.[0]?.firstOffset,

    drop(partition) {
      for (const run of runsByPartition.get(partition) ?? []) count -= run.count;
      runsByPartition.delete(partition);
    },
  };
}
