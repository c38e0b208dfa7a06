import type { Database } from '@order-events/database';
import type { Call } from './command.ts';
import { reasonOf } from './failure-reason.ts';
import {
  partitionsAheadOfDatabase,
  readIdentity,
  readSystemIdentifier,
  type StoredIdentity,
  UNKNOWN_SYSTEM,
} from './relay-store.ts';

export interface TopicDescription {
  readonly topicId: string;
  readonly partitionCount: number;
}

export interface IdentityReport {
  readonly stored: StoredIdentity | undefined;
  /** Undefined when Kafka did not answer. */
  readonly topic: TopicDescription | undefined;
  /** Why relays do not publish, each with the command that mends it. */
  readonly problems: readonly string[];
}

const KAFKA_TIMEOUT_MS = 5_000;

/** Compares what the cursors belong to with the database and the topic that are there. */
export async function checkIdentity(call: Call): Promise<IdentityReport> {
  const { database } = call;
  const stored = await readIdentity(database);
  const problems = await databaseProblems(database, stored);
  const topic = await describeTopic(call, problems);
  if (stored && topic) problems.push(...topicProblems(stored, call.topic.name, topic));
  return { stored, topic, problems };
}

/** Whether the cursors can be about this database. */
export async function databaseProblems(
  database: Database,
  stored: StoredIdentity | undefined,
): Promise<string[]> {
  const problems: string[] = [];
  if (stored && isOtherSystem(stored.system_identifier, await readSystemIdentifier(database))) {
    problems.push('the cursors belong to another database server (restored?): outboxctl rebase');
  }
  const ahead = await partitionsAheadOfDatabase(database);
  if (ahead.length > 0) {
    problems.push(
      `cursors of partitions ${ahead.join(', ')} are ahead of the database (restored?): outboxctl rebase`,
    );
  }
  return problems;
}

function isOtherSystem(stored: string, present: string): boolean {
  return stored !== present && stored !== UNKNOWN_SYSTEM && present !== UNKNOWN_SYSTEM;
}

async function describeTopic(call: Call, problems: string[]): Promise<TopicDescription | undefined> {
  if (!call.topic.configured) {
    problems.push('no Kafka brokers are configured (KAFKA_BROKERS): all events are held');
    return undefined;
  }
  const signal = AbortSignal.any([call.signal, AbortSignal.timeout(KAFKA_TIMEOUT_MS)]);
  try {
    return await call.topic.reader().describe(signal);
  } catch (error) {
    call.signal.throwIfAborted();
    problems.push(`Kafka does not answer for topic ${call.topic.name}: ${reasonOf(error)}`);
    return undefined;
  }
}

function topicProblems(stored: StoredIdentity, name: string, topic: TopicDescription): string[] {
  const problems: string[] = [];
  if (stored.topic !== name) {
    problems.push(
      `the cursors belong to topic ${stored.topic}, not to ${name}: correct KAFKA_TOPIC, or outboxctl rebase`,
    );
  }
  if (stored.partition_count !== topic.partitionCount) {
    problems.push(
      `the topic has ${topic.partitionCount} partitions and the cursors are for ${stored.partition_count}: ` +
        `finish with outboxctl resize --partitions ${topic.partitionCount}, or outboxctl rebase`,
    );
  }
  return problems;
}
