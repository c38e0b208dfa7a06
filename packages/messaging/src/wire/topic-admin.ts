import { requests } from 'kafkajs/src/protocol/requests/index.js';
import type { WireRequest } from './wire-request.ts';

/** What the controller says of one topic; the code is 0 when it has done what was asked. */
export interface TopicAdminAnswer {
  readonly errorCode: number;
  readonly errorMessage: string | null;
}

export interface NewTopic {
  readonly topic: string;
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly config: Readonly<Record<string, string>>;
}

/** How long the broker waits for the controller. */
const CONTROLLER_TIMEOUT_MS = 4_000;

const createTopics3 = requests.CreateTopics.protocol({ version: 3 });
const createPartitions1 = requests.CreatePartitions.protocol({ version: 1 });

/** In a KRaft cluster any broker takes this to the controller, as the next one. */
export function createTopicRequest(wanted: NewTopic): WireRequest<TopicAdminAnswer> {
  const { topic, partitions, replicationFactor, config } = wanted;
  const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
  const topics = [{ topic, numPartitions: partitions, replicationFactor, configEntries }];
  return aboutOneTopic(topic, createTopics3({ topics, timeout: CONTROLLER_TIMEOUT_MS }));
}

/** Gives a topic partitions until it has `count`. */
export function createPartitionsRequest(topic: string, count: number): WireRequest<TopicAdminAnswer> {
  return aboutOneTopic(
    topic,
    createPartitions1({ topicPartitions: [{ topic, count }], timeout: CONTROLLER_TIMEOUT_MS }),
  );
}

function aboutOneTopic(
  topic: string,
  { request, response }: WireRequest<{ readonly topicErrors: readonly TopicAdminAnswer[] }>,
): WireRequest<TopicAdminAnswer> {
  return {
    request,
    response: {
      async decode(payload) {
        const [answer] = (await response.decode(payload)).topicErrors;
        if (!answer) throw new Error(`the broker answered nothing about topic ${topic}`);
        return answer;
      },
    },
  };
}
