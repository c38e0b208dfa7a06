import type { Finding } from '../health/delivery-health.ts';
import type { FindingName } from '../health/finding-names.ts';
import type { Queries } from '../queries.ts';

/** The database server and the topic that cursors are about, as the first relay stored them. */
export interface StoredIdentity {
  readonly systemIdentifier: string;
  /** Undefined until a relay has seen the cluster. */
  readonly clusterId: string | undefined;
  readonly topic: string;
  /** Kafka's id of the topic. */
  readonly topicId: string;
  readonly partitionCount: number;
  /** The database that this one is a copy of, while it is on this server too. */
  readonly originalDatabase: string | undefined;
  /** The database that this one is, is stored. */
  readonly knowsDatabase: boolean;
}

/** The topic that is there. */
export interface PresentTopic {
  readonly topic: string;
  readonly clusterId: string;
  readonly partitionCount: number;
}

/** Publishing would skip, misplace or misorder events; `mend` says what an operator can do. */
export interface Mismatch {
  readonly name: FindingName;
  readonly what: string;
  readonly mend: string;
}

export const mismatchText = ({ what, mend }: Mismatch): string => `${what}; ${mend}`;

export const mismatchFinding = (mismatch: Mismatch): Finding => ({
  name: mismatch.name,
  severity: 'halt',
  text: mismatchText(mismatch),
});

/** What a database server that does not tell its identifier is stored as; it is then left out of the comparison. */
export const UNKNOWN_SYSTEM = 'unknown';

/** What weighs most comes first. */
export function databaseMismatches(stored: StoredIdentity, systemIdentifier: string): Mismatch[] {
  const found: Mismatch[] = [];
  const isTold = [stored.systemIdentifier, systemIdentifier].every((id) => id !== UNKNOWN_SYSTEM);
  if (isTold && stored.systemIdentifier !== systemIdentifier) {
    found.push({
      name: 'wrong-database',
      what: `the cursors belong to another database server (${stored.systemIdentifier}, this one is ${systemIdentifier})`,
      mend: 'go back to that server, or say with `outboxctl rebase` from where to go on',
    });
  }
  if (stored.originalDatabase !== undefined) {
    found.push({
      name: 'wrong-database',
      what: `this database is a copy of ${stored.originalDatabase}, which the cursors belong to`,
      mend: 'drop the one of the two that is not needed, or give this one a topic of its own and say `outboxctl rebase`',
    });
  }
  return found;
}

/** What weighs most comes first. */
export function topicMismatches(stored: StoredIdentity, present: PresentTopic): Mismatch[] {
  const found: Mismatch[] = [];
  if (stored.clusterId !== undefined && stored.clusterId !== present.clusterId) {
    found.push({
      name: 'wrong-cluster',
      what: `the cursors belong to another Kafka cluster (${stored.clusterId}, this one is ${present.clusterId})`,
      mend: 'correct KAFKA_BROKERS, or say with `outboxctl rebase` from where to go on in this cluster',
    });
  }
  if (stored.topic !== present.topic) {
    found.push({
      name: 'wrong-topic',
      what: `the cursors belong to the topic ${stored.topic}, not to ${present.topic}`,
      mend: 'correct KAFKA_TOPIC, or say with `outboxctl rebase` from where to go on in this topic',
    });
  }
  if (stored.partitionCount !== present.partitionCount) {
    found.push(countMismatch(stored.partitionCount, present.partitionCount));
  }
  return found;
}

/** `stored` partitions have cursors, and the topic has `present`. */
export function countMismatch(stored: number, present: number): Mismatch {
  return {
    name: 'partition-count',
    what: `the topic has ${present} partitions, the cursors are for ${stored}`,
    mend:
      'a key would change its partition and lose its order: ' +
      `change over with \`outboxctl resize --partitions ${present}\`, or make the cursors anew with \`outboxctl rebase\``,
  };
}

/** Whether the cursors and the sequence can be about what the database holds. */
export async function contentMismatches(queries: Queries): Promise<Mismatch[]> {
  const found: Mismatch[] = [];
  const ahead = await partitionsAhead(queries);
  if (ahead.length > 0) {
    found.push({
      name: 'cursor-ahead',
      what: `the cursors of partitions ${ahead.join(', ')} are ahead of the database, which was restored or failed over to a server that lost commits`,
      mend: 'say with `outboxctl rebase` from where to go on',
    });
  }
  if (await isSequenceBehind(queries)) {
    found.push({
      name: 'sequence-behind',
      what:
        'the sequence outbox_seq is behind the newest event, because it was set back or is that of a logical replica: events would ' +
        'be published out of order',
      mend: '`outboxctl rebase` moves it and goes on',
    });
  }
  return found;
}

/** Partitions whose cursor has seen transactions that this database has not given away yet. */
async function partitionsAhead(queries: Queries): Promise<number[]> {
  const { rows } = await queries.query<{ partition: number }>(
    `SELECT partition FROM relay_partition
     WHERE pg_snapshot_xmax(coalesce(page_target, cursor)) > pg_snapshot_xmax(pg_current_snapshot())
        OR pg_snapshot_xmax(cursor) > pg_snapshot_xmax(pg_current_snapshot())
     ORDER BY partition`,
  );
  return rows.map(({ partition }) => partition);
}

/** Whether numbers will be given out again. Whoever has inserted a row that is seen here has moved the sequence before. */
async function isSequenceBehind(queries: Queries): Promise<boolean> {
  const { rows } = await queries.query<{ behind: boolean | null }>(
    'SELECT (SELECT last_value FROM outbox_seq) < (SELECT max(seq) FROM outbox) AS behind',
  );
  return rows[0]?.behind === true;
}
