import assert from 'node:assert/strict';
import kafkajs from 'kafkajs';
import { eventually } from './eventually.ts';
import { withKafkaAdmin } from './kafka-admin.ts';

interface NamedTopic {
  readonly brokers: readonly string[];
  readonly topic: string;
}

/**
 * Changes one setting of a topic, and waits until the broker goes by it: the controller confirms the change before that. Kafka's
 * request, of which the client knows only the first kind, sets back whatever the topic has of its own and is not named.
 */
export async function alterTopic(named: NamedTopic, name: string, value: string): Promise<void> {
  const { brokers, topic } = named;
  const own = (await describeTopic(named)).filter(
    ({ configSource }) => configSource === kafkajs.ConfigSource.TOPIC_CONFIG,
  );
  const kept = own.filter((entry) => entry.configName !== name);
  const configEntries = kept.map((entry) => ({ name: entry.configName, value: entry.configValue }));
  await withKafkaAdmin({ brokers }, async (admin) => {
    const resource = { type: kafkajs.ConfigResourceTypes.TOPIC, name: topic };
    const resources = [{ ...resource, configEntries: [...configEntries, { name, value }] }];
    await admin.alterConfigs({ validateOnly: false, resources });
  });
  await eventually(async () => assert.equal((await topicSettings(named))[name], value));
}

/** All settings of a topic, by name. */
export async function topicSettings(named: NamedTopic): Promise<Record<string, string>> {
  const entries = await describeTopic(named);
  return Object.fromEntries(entries.map(({ configName, configValue }) => [configName, configValue]));
}

function describeTopic({ brokers, topic }: NamedTopic): Promise<kafkajs.ConfigEntries[]> {
  return withKafkaAdmin({ brokers }, async (admin) => {
    const resources = [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic }];
    const described = await admin.describeConfigs({ includeSynonyms: false, resources });
    return described.resources[0]?.configEntries ?? [];
  });
}
