/** Where one matching event of a message is in the log. */
export interface SentEvent {
  readonly partition: number;
  readonly offset: bigint;
}

/** The events that a stream has sent and its client has not acknowledged, in the order of the messages. */
export interface UnacknowledgedEvents<E extends SentEvent = SentEvent> {
  /** A message with these events goes out, in log order per partition. Answers its number, which is one more than that of the last. */
  sent(events: readonly E[]): number;
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
  /** The first event that matches; undefined as well when events are not kept. */
  find(matches: (event: E) => boolean): E | undefined;
  /** Takes out those events of a partition that match, and gives back their credit. They are nothing of the client's any more. */
  take(partition: number, matches: (event: E) => boolean): readonly E[];
  /** The partition belongs to another stream now, or is read again: its events are given back their credit and forgotten. */
  drop(partition: number): void;
}

/** The events of one partition in one message. */
interface SentRun<E> {
  readonly messageNumber: number;
  firstOffset: bigint;
  /** Whole ones take less memory. */
  readonly sentMs: number;
  count: number;
  /** Undefined when events are not kept. */
  events: E[] | undefined;
}

/** Credit up to which nothing is counted: what clients get that ask for none. */
const ORDINARY_CREDIT = 1_000;
/** When each event is a message of its own, as it is where few orders change. */
const RUN_BYTES = 88;
/** An event that is kept until it is acknowledged, on the average. */
const KEPT_EVENT_BYTES = 1_000;

/** Memory that a client's credit may take beyond the ordinary, about. */
export function creditBytes(maxEvents: number, keepsEvents = false): number {
  return Math.max(0, maxEvents - ORDINARY_CREDIT) * (RUN_BYTES + (keepsEvents ? KEPT_EVENT_BYTES : 0));
}

/** `keepsEvents`: for streams that may reject what they were sent. */
export function createUnacknowledgedEvents<E extends SentEvent = SentEvent>(
  maxEvents: number,
  keepsEvents = false,
): UnacknowledgedEvents<E> {
  /** Oldest first. */
  const runsByPartition = new Map<number, SentRun<E>[]>();
  let newestMessage = 0;
  let count = 0;

  return {
    sent(events) {
      newestMessage += 1;
      const sentMs = Math.floor(performance.now());
      for (const event of events) {
        const { partition, offset } = event;
        const runs = runsByPartition.get(partition) ?? [];
        runsByPartition.set(partition, runs);
        const run = runs.at(-1);
        if (run?.messageNumber === newestMessage) {
          run.count += 1;
          run.events?.push(event);
          continue;
        }
        const kept = keepsEvents ? [event] : undefined;
        runs.push({ messageNumber: newestMessage, firstOffset: offset, sentMs, count: 1, events: kept });
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

    find(matches) {
      for (const runs of runsByPartition.values()) {
        for (const run of runs) {
          const found = run.events?.find(matches);
          if (found) return found;
        }
      }
      return undefined;
    },

    take(partition, matches) {
      const taken: E[] = [];
      const runs = runsByPartition.get(partition) ?? [];
      for (const run of runs) {
        if (!run.events?.some(matches)) continue;
        taken.push(...run.events.filter(matches));
        run.events = run.events.filter((event) => !matches(event));
        count -= run.count - run.events.length;
        run.count = run.events.length;
        run.firstOffset = run.events[0]?.offset ?? run.firstOffset;
      }
      runsByPartition.set(
        partition,
        runs.filter((run) => run.count > 0),
      );
      return taken;
    },

    drop(partition) {
      for (const run of runsByPartition.get(partition) ?? []) count -= run.count;
      runsByPartition.delete(partition);
    },
  };
}
