import { requireSchema } from '@order-events/database';
import type { KafkaPublisher } from '@order-events/messaging';
import type { Logger } from '@order-events/runtime';
import type { Pool } from 'pg';
import { checkIdentity } from './outbox/database-identity.ts';
import type { LeaseStore } from './ownership/lease-store.ts';
import type { Verdict } from './topic-gate.ts';

export interface InspectionOptions {
  readonly pool: Pool;
  readonly topic: string;
  readonly kafka: Pick<KafkaPublisher, 'describeTopic'>;
  readonly leases: Pick<LeaseStore, 'ensurePartitions'>;
  readonly log: Logger;
}

/**
 * Compares the database server and the topic with what the stored cursors are about; the very first time it stores them, and a cursor
 * for each partition. Rejects while the database or Kafka is away.
 */
export async function inspect(options: InspectionOptions, signal: AbortSignal): Promise<Verdict> {
  const { pool, topic, log } = options;
  await requireSchema(pool);
  const { topicId, partitionCount } = await options.kafka.describeTopic(signal);
  const identity = await checkIdentity({ pool, topic, topicId, partitionCount });
  if (identity.kind === 'mismatch') return { kind: 'halted', reason: `${identity.what}; ${identity.mend}` };
  if (identity.kind === 'recreated') log.warn({ topic, topicId }, `${identity.what}; ${identity.mend}`);
  const storedCount = await options.leases.ensurePartitions(partitionCount);
  if (storedCount !== partitionCount) {
    const reason = `the topic has ${partitionCount} partitions, and there are cursors for ${storedCount}`;
    return { kind: 'halted', reason: `${reason}; change over with \`outboxctl resize\`` };
  }
  if (await hasCursorAhead(pool)) {
    return {
      kind: 'halted',
      reason:
        'a stored cursor is ahead of the database, which was restored or failed over to a server that lost commits; ' +
        'say with `outboxctl rebase` from where to go on',
    };
  }
  return { kind: 'open', partitionCount };
}

async function hasCursorAhead(pool: Pool): Promise<boolean> {
  const { rows } = await pool.query<{ ahead: boolean }>(
    `SELECT EXISTS (SELECT FROM relay_partition
       WHERE pg_snapshot_xmax(coalesce(page_target, cursor)) > pg_snapshot_xmax(pg_current_snapshot())) AS ahead`,
  );
  return rows[0]?.ahead === true;
}
