import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type KafkaLine, kafkaClassPath } from './kafka-jars.ts';

export interface KafkaToolResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Arguments of `java` that run a class of Kafka's jars: a small heap and, since most runs are short, the quick compiler only. */
export async function kafkaJavaArgs(
  mainClass: string,
  maxHeapMb: number,
  line?: KafkaLine,
): Promise<string[]> {
  const archive = await findClassArchive(line);
  return [
    `-Xmx${maxHeapMb}m`,
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1',
    '-Djava.awt.headless=true',
    // An archive that does not fit, after an update of Java say, is passed over; Java would say so where the tools' answers are.
    ...(archive.exists ? [`-XX:SharedArchiveFile=${archive.file}`] : []),
    ...['-Xlog:disable', '-Xlog:all=warning:stderr'],
    `-Dlog4j2.configurationFile=${join(import.meta.dirname, 'kafka', 'log4j2.xml')}`,
    '-cp',
    await kafkaClassPath(line),
    mainClass,
  ];
}

/** Far beyond what a machine takes that is busy with other things, as for a server's start. */
const TOOL_DEADLINE_MS = 180_000;

/** Where the classes of a Kafka are archived for a quick start, and whether they are: see `prepareKafka`. */
export async function findClassArchive(line?: KafkaLine): Promise<{ file: string; exists: boolean }> {
  const file = join(dirname(await kafkaClassPath(line)), 'classes.jsa');
  const exists = await stat(file).then(
    () => true,
    () => false,
  );
  return { file, exists };
}

/**
 * Runs one of Kafka's own command line tools, for example `org.apache.kafka.tools.consumer.ConsoleConsumer`, with the arguments
 * that its shell script would pass on. Resolves when the tool has ended, whatever its exit code; rejects when a signal or the deadline
 * ended it.
 */
export async function runKafkaTool(
  mainClass: string,
  args: readonly string[],
  options: { readonly deadlineMs?: number; readonly signal?: AbortSignal; readonly line?: KafkaLine } = {},
): Promise<KafkaToolResult> {
  const javaArgs = await kafkaJavaArgs(mainClass, 256, options.line);
  const { deadlineMs = TOOL_DEADLINE_MS } = options;
  return new Promise((resolve, reject) => {
    const child = execFile(
      'java',
      [...javaArgs, ...args],
      { timeout: deadlineMs, maxBuffer: 64 * 1024 * 1024, signal: options.signal },
      (error, stdout, stderr) => {
        if (error && (child.pid === undefined || options.signal?.aborted)) return reject(error);
        if (child.exitCode === null) {
          const what = `${mainClass} was ended by ${child.signalCode}; it had ${deadlineMs / 1000} s`;
          return reject(new Error(`${what}:\n${stdout}${stderr}`, { cause: error }));
        }
        resolve({ exitCode: child.exitCode, stdout, stderr });
      },
    );
  });
}
