import assert from 'node:assert/strict';
import { runKafkaTool } from '../../../tools/stack/index.ts';

/** What Kafka's own tool shows of a consumer group, a row for each partition, by the tool's headings. */
export async function describeGroup(
  brokers: readonly string[],
  groupId: string,
): Promise<Record<string, string>[]> {
  const { stdout, stderr, exitCode } = await runKafkaTool(
    'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand',
    ['--bootstrap-server', brokers.join(), '--describe', '--group', groupId],
  );
  assert.equal(exitCode, 0, stderr);
  const [heading = [], ...rows] = stdout
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => line.trim().split(/\s+/))
    .filter(([first]) => first === 'GROUP' || first === groupId);
  return rows.map((row) => Object.fromEntries(heading.map((name, index) => [name, row[index] ?? ''])));
}
