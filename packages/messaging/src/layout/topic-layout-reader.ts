import { createLogReader } from '../read/log-reader.ts';
import type { KafkaConnectionConfig } from '../cluster/topic-cluster.ts';
import { type PartitionChange, type TopicLayout, UNCHANGED_LAYOUT } from './topic-layout.ts';
import { decodePartitionChange, InvalidLayoutRecordError } from './topic-layout-record.ts';
import { ERROR_CODE, KafkaProtocolError } from '../wire/protocol-error.ts';

/** Where the changes of a topic's partitions are recorded: a compacted topic of its own, with one partition. */
export function layoutTopicName(topic: string): string {
  return `${topic}.layout`;
}

/** The client may not read the layout topic: without it nothing says where partitions changed. */
export class LayoutForbiddenError extends Error {
  override readonly name = 'LayoutForbiddenError';
}

export interface TopicLayoutReader {
  /**
   * Everything that was recorded about a topic until now; nothing where nothing ever was. Rejects with a LayoutForbiddenError when the
   * topic may not be read, and when Kafka is away.
   */
  read(topicId: string, signal?: AbortSignal): Promise<TopicLayout>;
  close(): void;
}

export interface TopicLayoutReaderConfig extends KafkaConnectionConfig {
  /** Of the events. */
  readonly topic: string;
  /** Told of each record that says nothing about partitions: it is left out. */
  readonly onInvalid?: (error: InvalidLayoutRecordError) => void;
}

/** Connects with the first call. */
export function createTopicLayoutReader({
  onInvalid,
  ...config
}: TopicLayoutReaderConfig): TopicLayoutReader {
  const topic = layoutTopicName(config.topic);
  const reader = createLogReader({ ...config, topic, isolation: 'uncommitted' });

  async function readValues(signal?: AbortSignal): Promise<string[]> {
    await reader.describe(signal);
    const values = new Map<string, string>();
    const [from, to] = [
      await reader.offsets('earliest', [0], signal),
      await reader.offsets('latest', [0], signal),
    ];
    const keep = ({ records }: Parameters<Parameters<typeof reader.read>[2]>[0]) => {
      for (const { key, value } of records) {
        // Deleted and set again, so that the newest comes last.
        values.delete(String(key));
        if (value) values.set(String(key), value.toString());
      }
    };
    await reader.read(from, to, keep, signal);
    return [...values.values()];
  }

  function decode(value: string): ReturnType<typeof decodePartitionChange>[] {
    try {
      return [decodePartitionChange(value)];
    } catch (error) {
      if (!(error instanceof InvalidLayoutRecordError)) throw error;
      onInvalid?.(error);
      return [];
    }
  }

  return {
    async read(topicId, signal) {
      const values = await readValues(signal).catch(noneWithoutTopic);
      const changes = values.flatMap(decode).filter((recorded) => recorded.topicId === topicId);
      return changes.length > 0 ? changes.map(({ change }): PartitionChange => change) : UNCHANGED_LAYOUT;
    },
    close: () => reader.close(),
  };
}

function noneWithoutTopic(error: unknown): string[] {
  if (error instanceof KafkaProtocolError) {
    if (error.code === ERROR_CODE.UNKNOWN_TOPIC_OR_PARTITION) return [];
    if (error.code === ERROR_CODE.TOPIC_AUTHORIZATION_FAILED) {
      throw new LayoutForbiddenError('the layout topic may not be read', { cause: error });
    }
  }
  throw error;
}
