import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { type KafkaLine, kafkaClassPath } from './kafka-jars.ts';

export interface KafkaToolResult {
  /** Null when a signal or the deadline ended the tool. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Arguments of `java` that run a class of Kafka's jars: a small heap and, since most runs are short, the quick compiler only. */
export async function kafkaJavaArgs(
  mainClass: string,
  maxHeapMb: number,
  line?: KafkaLine,
): Promise<string[]> {
  return [
    `-Xmx${maxHeapMb}m`,
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1',
    '-Djava.awt.headless=true',
    `-Dlog4j2.configurationFile=${join(import.meta.dirname, 'kafka', 'log4j2.xml')}`,
    '-cp',
    await kafkaClassPath(line),
    mainClass,
  ];
}

/**
 * Runs one of Kafka's own command line tools, for example `org.apache.kafka.tools.consumer.ConsoleConsumer`, with the arguments
 * that its shell script would pass on. Resolves when the tool has ended, whatever its exit code.
 */
export async function runKafkaTool(
  mainClass: string,
  args: readonly string[],
  options: { readonly deadlineMs?: number; readonly signal?: AbortSignal; readonly line?: KafkaLine } = {},
): Promise<KafkaToolResult> {
  const javaArgs = await kafkaJavaArgs(mainClass, 256, options.line);
  return new Promise((resolve, reject) => {
    const child = execFile(
      'java',
      [...javaArgs, ...args],
      { timeout: options.deadlineMs ?? 60_000, maxBuffer: 64 * 1024 * 1024, signal: options.signal },
      (error, stdout, stderr) => {
        if (error && (child.pid === undefined || options.signal?.aborted)) return reject(error);
        resolve({ exitCode: child.exitCode, stdout, stderr });
      },
    );
  });
}
