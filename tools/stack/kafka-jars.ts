import { join } from 'node:path';
import { classPathOf } from './maven-jars.ts';

const POM_FILE = join(import.meta.dirname, 'kafka', 'pom.xml');

/** The Kafka that is run, the newest and the oldest that are tested against. */
export const KAFKA_VERSIONS = { '4.4': '4.4.0', '4.3': '4.3.1', '3.9': '3.9.2' } as const;
export type KafkaLine = keyof typeof KAFKA_VERSIONS;
export const KAFKA_LINES = Object.keys(KAFKA_VERSIONS) as KafkaLine[];
export const DEFAULT_KAFKA: KafkaLine = '4.3';

/** The class path of Kafka's broker and tools. */
export function kafkaClassPath(line: KafkaLine = DEFAULT_KAFKA): Promise<string> {
  const version = KAFKA_VERSIONS[line];
  return classPathOf({
    name: `Kafka ${version}`,
    pomFile: POM_FILE,
    properties: { 'kafka.version': version },
    directory: line === DEFAULT_KAFKA ? 'kafka-libs' : `kafka-libs-${line}`,
    // The older line logs through reload4j by itself; one configuration is enough.
    excludedArtifacts: ['slf4j-reload4j'],
  });
}

/** The version among the names of Kafka's jars, for example 4.3.1. */
export function kafkaVersion(jars: readonly string[]): string {
  const versions = jars.map((jar) => /^kafka_[\d.]+-([\d.]+)\.jar$/.exec(jar)?.[1]);
  return versions.find((version) => version !== undefined) ?? 'of unknown version';
}
