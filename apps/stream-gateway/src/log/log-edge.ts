import type { LogEvent } from './log-event.ts';

/** Where the log in memory ends: the offset after its last record, by partition. It never changes; a log that grows has another one. */
export interface LogEdge {
  readonly topicId: string;
  readonly next: readonly bigint[];
}

/** Told of everything that may concern those who have read up to the edge, after it has happened. */
export interface EdgeListener {
  /** These events come after what was the edge; there may be fewer of them in the log, which holds none twice. */
  grown(events: readonly LogEvent[], before: LogEdge): void;
  /** Anything else: what cannot be read, another topic, more partitions, a log that was cut, Kafka that goes or comes. */
  disturbed(before: LogEdge): void;
}

/** Knows the edge, and tells what becomes of it. */
export interface LogEdges {
  /** Undefined while there is no topic. */
  now(): LogEdge | undefined;
  /** One listener at most. */
  follow(listener: EdgeListener): void;
  /** Does what appends events, and answers them. */
  growing(append: () => readonly LogEvent[]): void;
  /** Does anything else that changes the log. */
  disturbing(change: () => void): void;
}

/** `onChange` is called after the listener. */
export function createLogEdges(readEdge: () => LogEdge | undefined, onChange: () => void): LogEdges {
  let edge: LogEdge | undefined;
  let listener: EdgeListener | undefined;
  const now = () => (edge ??= readEdge());
  return {
    now,
    follow(followed) {
      listener = followed;
    },
    growing(append) {
      const before = now();
      const events = append();
      edge = undefined;
      if (before) listener?.grown(events, before);
      onChange();
    },
    disturbing(change) {
      const before = now();
      change();
      edge = undefined;
      if (before) listener?.disturbed(before);
      onChange();
    },
  };
}
