import { setTimeout as pause } from 'node:timers/promises';
import type { KafkaPublisher } from '@order-events/messaging';
import {
  type Checkpoint,
  createOutboxReader,
  createParkedEventStore,
  CURSOR_AT_START,
} from '@order-events/outbox';
import { createLogger } from '@order-events/runtime';
import type { Pool } from 'pg';
import { createPartitionRun } from '../src/run/partition-run.ts';
import { createKeyParking } from '../src/publish/key-parking.ts';
import { createPartitionWriter } from '../src/publish/partition-writer.ts';

export interface UnleasedOwner {
  /** How often it has become the writer of the partition. */
  claims(): number;
  /** Gives up what is under way, as a relay whose lease may have ended; it goes on at once. */
  interrupt(): void;
  stop(): Promise<void>;
}

const POLL_MS = 5;
const MAX_QUEUED_BYTES = 256 * 1024;

/**
 * Reads and publishes one partition with the relay's own parts, except that it believes for ever that the partition is its own: no
 * lease keeps two of them apart.
 */
export function startUnleasedOwner(options: {
  readonly pool: Pool;
  readonly publisher: KafkaPublisher;
  readonly partition: number;
  readonly partitionCount: number;
}): UnleasedOwner {
  const { pool, publisher, partition, partitionCount } = options;
  const checkpoint: Checkpoint = { cursor: CURSOR_AT_START, logOffset: 0n };
  const log = createLogger({ service: 'test', level: 'silent' });
  const over = new AbortController();
  let validity = new AbortController();
  let claims = 0;
  const writer = createPartitionWriter({
    partition,
    fromOffset: checkpoint.logOffset,
    publisher,
    claims: publisher,
    parking: createKeyParking(partition, createParkedEventStore(pool), () => {}),
    observer: { published() {}, alreadyPublished() {}, failed() {} },
    onOnlyInTopic() {},
    log,
  });
  const run = createPartitionRun({
    partition,
    checkpoint,
    writer,
    lost: over.signal,
    validity: () => validity.signal,
    attend: () => Promise.resolve('done'),
    heal: () => Promise.reject(new Error('the log was cut')),
    onClaimed: () => (claims += 1),
    onClaimFailed() {},
    onProgress() {},
    log,
  });
  const reader = createOutboxReader({ pool, partitionCount, limits: { rows: 100, bytes: 100_000 } });

  async function readAhead(): Promise<void> {
    while (!over.signal.aborted) {
      const readFrom = run.queuedBytes() < MAX_QUEUED_BYTES ? run.readFrom() : undefined;
      const [page] = readFrom ? await reader.read([{ cursor: readFrom, partitions: [partition] }]) : [];
      if (readFrom && page) run.offer(readFrom, page);
      await pause(POLL_MS);
    }
  }

  const reading = readAhead();
  return {
    claims: () => claims,
    interrupt() {
      const old = validity;
      validity = new AbortController();
      old.abort();
    },
    async stop() {
      over.abort();
      await Promise.all([reading, run.ended]);
    },
  };
}
