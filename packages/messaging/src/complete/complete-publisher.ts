import type { KafkaConnectionConfig } from '../cluster/topic-cluster.ts';
import { createUnfencedAppender } from '../publish/unfenced-append.ts';
import { type CompleteMark, encodeCompleteMark } from './complete-mark.ts';
import { completeTopicName } from './complete-topic.ts';

export interface CompletePublisher {
  /** Appends all of them in one request. Tries once: rejects when Kafka is away, or the topic is missing or must not be written. */
  tell(marks: readonly CompleteMark[], signal: AbortSignal): Promise<void>;
  /** Nothing is written to another cluster from now on. */
  belongTo(clusterId: string): void;
  close(): void;
}

/** Connects with the first call. `topic` is that of the events. */
export function createCompletePublisher(connection: KafkaConnectionConfig, topic: string): CompletePublisher {
  const appender = createUnfencedAppender(connection, completeTopicName(topic), 'marks');
  return {
    async tell(marks, signal) {
      if (marks.length === 0) return;
      const records = marks.map((mark) => ({
        key: String(mark.partition),
        value: encodeCompleteMark(mark),
        headers: {},
      }));
      await appender.append(0, records, signal);
    },
    belongTo: appender.belongTo,
    close: appender.close,
  };
}
