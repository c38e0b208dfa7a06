import { ATTENDING_RIGHTS, missingRights, PUBLISHING_RIGHTS, requireSchema } from '@order-events/database';
import type { KafkaPublisher } from '@order-events/messaging';
import {
  checkIdentity,
  contentMismatches,
  countMismatch,
  type Finding,
  type LeaseStore,
  type Mismatch,
  mismatchText,
} from '@order-events/outbox';
import type { Logger } from '@order-events/runtime';
import type { Pool } from 'pg';
import type { FindingBoard } from './health/finding-board.ts';
import type { Verdict } from './topic-gate.ts';

export interface InspectionOptions {
  readonly pool: Pool;
  readonly topic: string;
  readonly kafka: Pick<KafkaPublisher, 'describeTopic' | 'belongTo'>;
  readonly leases: Pick<LeaseStore, 'ensurePartitions'>;
  /** Why the settings of the topic let nothing be published. */
  readonly reviewSettings: (signal: AbortSignal) => Promise<string | undefined>;
  readonly board: FindingBoard;
  readonly log: Logger;
}

/**
 * Compares the database server and the topic with what the stored cursors are about; the very first time it stores them, and a cursor
 * for each partition. Rejects while the database or Kafka is away.
 */
export async function inspect(options: InspectionOptions, signal: AbortSignal): Promise<Verdict> {
  const { pool, topic, log } = options;
  await requireSchema(pool);
  const refused = await missingRights(pool, PUBLISHING_RIGHTS);
  if (refused !== undefined) return { kind: 'halted', reason: refused };
  await tellMissingRights(options);
  const { clusterId, topicId, partitionCount } = await options.kafka.describeTopic(signal);
  const identity = await checkIdentity({ pool, topic, clusterId, topicId, partitionCount });
  if (identity.kind === 'mismatch') return halted(identity.mismatch);
  options.kafka.belongTo(clusterId);
  if (identity.kind === 'recreated') log.warn({ topic, topicId }, `${identity.what}; ${identity.mend}`);
  const storedCount = await options.leases.ensurePartitions(partitionCount);
  if (storedCount !== partitionCount) return halted(countMismatch(storedCount, partitionCount));
  const [mismatch] = await contentMismatches(pool);
  if (mismatch) return halted(mismatch);
  const harmful = await options.reviewSettings(signal);
  if (harmful !== undefined) return { kind: 'halted', reason: harmful };
  return { kind: 'open', partitionCount };
}

const halted = (mismatch: Mismatch): Verdict => ({ kind: 'halted', reason: mismatchText(mismatch) });

async function tellMissingRights({ pool, board }: InspectionOptions): Promise<void> {
  const text = await missingRights(pool, ATTENDING_RIGHTS);
  const found: Finding[] =
    text === undefined ? [] : [{ name: 'missing-rights', severity: 'fault', text, partitions: [] }];
  board.put('rights', found);
}
