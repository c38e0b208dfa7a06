import assert from 'node:assert/strict';
import kafkajs from 'kafkajs';
import { eventually } from './eventually.ts';
import { withKafkaAdmin } from './kafka-admin.ts';

interface NamedTopic {
  readonly brokers: readonly string[];
  readonly topic: string;
}

/** Changes one setting of a topic, and waits until the broker goes by it: the controller confirms the change before that. */
export async function alterTopic(named: NamedTopic, name: string, value: string): Promise<void> {
  const { brokers, topic } = named;
  await withKafkaAdmin({ brokers }, async (admin) => {
    const configEntries = [{ name, value }];
    const resources = [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configEntries }];
    await admin.alterConfigs({ validateOnly: false, resources });
  });
  await eventually(async () => assert.equal((await topicSettings(named))[name], value));
}

/** All settings of a topic, by name. */
export function topicSettings({ brokers, topic }: NamedTopic): Promise<Record<string, string>> {
  return withKafkaAdmin({ brokers }, async (admin) => {
    const resources = [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic }];
    const described = await admin.describeConfigs({ includeSynonyms: false, resources });
    const entries = described.resources[0]?.configEntries ?? [];
    return Object.fromEntries(entries.map(({ configName, configValue }) => [configName, configValue]));
  });
}
