import type { Pool } from 'pg';

export interface IdentityOptions {
  readonly pool: Pool;
  readonly topic: string;
  /** Kafka's id of the topic. */
  readonly topicId: string;
  readonly partitionCount: number;
}

/**
 * - `ok`: the cursors belong to this database server and to this topic, or were the first to.
 * - `recreated`: as `ok`, but the topic was created anew under its name; told once, since the new id is stored.
 * - `mismatch`: publishing would skip or misplace events; `mend` says what an operator can do.
 */
export type IdentityVerdict =
  | { readonly kind: 'ok' }
  | { readonly kind: 'recreated'; readonly what: string; readonly mend: string }
  | { readonly kind: 'mismatch'; readonly what: string; readonly mend: string };

interface StoredIdentity {
  system_identifier: string;
  topic: string;
  topic_id: string;
  partition_count: number;
}

/** What a database server that does not tell its identifier is stored as; it is then left out of the comparison. */
const UNKNOWN_SYSTEM = 'unknown';
const INSUFFICIENT_PRIVILEGE = '42501';

/**
 * Compares the database server and the topic with those that the stored cursors are about, and stores them the first time. To be asked
 * at the start and every few seconds: a database can be restored under a running relay. Rejects when the database is away.
 */
export async function checkIdentity(options: IdentityOptions): Promise<IdentityVerdict> {
  const { pool, topic, topicId, partitionCount } = options;
  const systemIdentifier = await readSystemIdentifier(pool);
  const stored = await storeFirst(options, systemIdentifier);
  if (!stored) return { kind: 'ok' };
  const otherSystem = [stored.system_identifier, systemIdentifier].every((id) => id !== UNKNOWN_SYSTEM);
  if (otherSystem && stored.system_identifier !== systemIdentifier) {
    return {
      kind: 'mismatch',
      what: `the cursors belong to another database server (${stored.system_identifier}, this one is ${systemIdentifier})`,
      mend: 'go back to that server, or say with `outboxctl rebase` from where to go on',
    };
  }
  if (stored.topic !== topic) {
    return {
      kind: 'mismatch',
      what: `the cursors belong to the topic ${stored.topic}, not to ${topic}`,
      mend: 'correct KAFKA_TOPIC, or say with `outboxctl rebase` from where to go on in this topic',
    };
  }
  if (stored.partition_count !== partitionCount) {
    return {
      kind: 'mismatch',
      what: `the topic has ${partitionCount} partitions, the cursors are for ${stored.partition_count}`,
      mend: 'a key would change its partition and lose its order: drain and change over with `outboxctl resize`',
    };
  }
  if (stored.system_identifier === UNKNOWN_SYSTEM && systemIdentifier !== UNKNOWN_SYSTEM) {
    await pool.query(
      'UPDATE relay_identity SET system_identifier = $1, updated_at = clock_timestamp() WHERE system_identifier = $2',
      [systemIdentifier, UNKNOWN_SYSTEM],
    );
  }
  return stored.topic_id === topicId ? { kind: 'ok' } : acceptTopic(pool, stored.topic_id, topicId);
}

/** Answers with what was stored before; undefined when this is the first time. */
async function storeFirst(
  options: IdentityOptions,
  systemIdentifier: string,
): Promise<StoredIdentity | undefined> {
  const { pool, topic, topicId, partitionCount } = options;
  const read = async () =>
    (
      await pool.query<StoredIdentity>(
        'SELECT system_identifier, topic, topic_id, partition_count FROM relay_identity',
      )
    ).rows[0];
  const stored = await read();
  if (stored) return stored;
  const { rowCount } = await pool.query(
    `INSERT INTO relay_identity (system_identifier, topic, topic_id, partition_count)
     VALUES ($1, $2, $3, $4) ON CONFLICT (singleton) DO NOTHING`,
    [systemIdentifier, topic, topicId, partitionCount],
  );
  // Of two relays that start together with different settings, the second finds what the first stored.
  return rowCount ? undefined : read();
}

/** Only one of the relays that notice it tells it. */
async function acceptTopic(pool: Pool, storedId: string, topicId: string): Promise<IdentityVerdict> {
  const { rowCount } = await pool.query(
    'UPDATE relay_identity SET topic_id = $1, updated_at = clock_timestamp() WHERE topic_id = $2',
    [topicId, storedId],
  );
  if (!rowCount) return { kind: 'ok' };
  return {
    kind: 'recreated',
    what: 'the topic was deleted and created again: it holds nothing that was published before',
    mend: '`outboxctl replay --since <time>` publishes what the outbox still holds',
  };
}

/**
 * Anybody may ask for it unless the right was revoked, and some compatible databases do not have it. Without it a restored database is
 * still noticed by its cursors, until it has given away as many transaction ids as the lost one.
 */
async function readSystemIdentifier(pool: Pool): Promise<string> {
  try {
    const { rows } = await pool.query<{ id: string }>(
      'SELECT system_identifier::text AS id FROM pg_control_system()',
    );
    return rows[0]?.id ?? UNKNOWN_SYSTEM;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === INSUFFICIENT_PRIVILEGE) {
      return UNKNOWN_SYSTEM;
    }
    throw error;
  }
}
