import { open } from 'node:fs/promises';
import { join } from 'node:path';
import kafkajs from 'kafkajs';
import type { TestKafka } from '../../../test/harness/index.ts';

/** A little more than may be made of a batch. Kafka itself bounds only what it stands in. */
const TOO_MUCH = ' '.repeat(65 * 1024 * 1024);

/** Appends one record to a partition that unfolds into more than a reader takes; it has a key, as a compacted topic wants. */
export async function sendUnreadable(connection: TestKafka, topic: string, partition: number): Promise<void> {
  const client = new kafkajs.Kafka({ ...connection, logLevel: kafkajs.logLevel.NOTHING });
  const producer = client.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  await producer.connect();
  await producer.send({
    topic,
    compression: kafkajs.CompressionTypes.GZIP,
    messages: [{ partition, key: 'unreadable', value: TOO_MUCH }],
  });
  await producer.disconnect();
}

/** Changes the last byte of a batch in the first segment of a partition, as a disk does that has forgotten a bit. */
export async function changeBatch(partitionDirectory: string, index: number): Promise<void> {
  const file = await open(join(partitionDirectory, '00000000000000000000.log'), 'r+');
  try {
    const header = Buffer.alloc(12);
    let end = 0;
    for (let batch = 0; batch <= index; batch += 1) {
      await file.read(header, 0, header.length, end);
      end += header.length + header.readInt32BE(8);
    }
    const last = Buffer.alloc(1);
    await file.read(last, 0, 1, end - 1);
    await file.write(Buffer.from([(last[0] ?? 0) ^ 1]), 0, 1, end - 1);
  } finally {
    await file.close();
  }
}
