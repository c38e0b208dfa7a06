import { rename, rm } from 'node:fs/promises';
import { startEmbeddedKafka } from './embedded-kafka.ts';
import { DEFAULT_KAFKA, KAFKA_VERSIONS, kafkaClassPath, type KafkaLine } from './kafka-jars.ts';
import { findClassArchive } from './kafka-java.ts';

/**
 * Fetches the jars of a Kafka, and for the one that is run most lets Java archive the classes that a broker loads (AppCDS): brokers
 * and tools then start with about half of the work. Kept for later runs. Answers the version.
 */
export async function prepareKafka(line: KafkaLine = DEFAULT_KAFKA): Promise<string> {
  await kafkaClassPath(line);
  if (line === DEFAULT_KAFKA && !(await findClassArchive()).exists) await archiveClasses();
  return KAFKA_VERSIONS[line];
}

/** Java writes the archive when the broker that it was asked of ends in order. */
async function archiveClasses(): Promise<void> {
  const { file } = await findClassArchive();
  const unfinished = `${file}.${process.pid}`;
  const broker = await startEmbeddedKafka({ javaArgs: [`-XX:ArchiveClassesAtExit=${unfinished}`] });
  await broker.stop();
  // Without it everything works, only slower.
  await rename(unfinished, file).catch(() => rm(unfinished, { force: true }));
}
