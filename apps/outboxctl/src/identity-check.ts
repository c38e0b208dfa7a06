import {
  contentMismatches,
  type Finding,
  mismatchFinding,
  readIdentity,
  readSystemIdentifier,
  databaseMismatches,
  type StoredIdentity,
  topicMismatches,
} from '@order-events/outbox';
import { reasonOf } from '@order-events/runtime';
import type { Call } from './command.ts';
import { CommandError } from './outcome.ts';

export interface TopicDescription {
  readonly clusterId: string;
  readonly topicId: string;
  readonly partitionCount: number;
}

export interface IdentityReport {
  readonly stored: StoredIdentity | undefined;
  /** Undefined when Kafka did not answer. */
  readonly topic: TopicDescription | undefined;
  /** Why relays do not publish, each with the command that mends it. */
  readonly findings: readonly Finding[];
}

const KAFKA_TIMEOUT_MS = 5_000;

/** Compares what the cursors belong to with the database and the topic that are there. */
export async function checkIdentity(call: Call): Promise<IdentityReport> {
  const stored = await readIdentity(call.pool);
  const findings = await databaseFindings(call, stored);
  const topic = await describeTopic(call, findings);
  if (stored && topic) {
    findings.push(...topicMismatches(stored, { topic: call.topic.name, ...topic }).map(mismatchFinding));
  }
  return { stored, topic, findings };
}

/** What makes cursors say nothing about the database and the topic that are there. */
const FOREIGN: ReadonlySet<Finding['name']> = new Set([
  'wrong-database',
  'cursor-ahead',
  'wrong-cluster',
  'wrong-topic',
]);

/** Before a command that takes the cursors, the outbox and the topic for those of one another. Throws a CommandError. */
export async function refuseForeignCursors(call: Call): Promise<void> {
  const { findings } = await checkIdentity(call);
  const foreign = findings.find(({ name }) => FOREIGN.has(name));
  if (foreign) throw new CommandError(foreign.text);
}

/** Whether the cursors can be about this database. */
export async function databaseFindings(
  { pool }: Call,
  stored: StoredIdentity | undefined,
): Promise<Finding[]> {
  const server = stored ? databaseMismatches(stored, await readSystemIdentifier(pool)) : [];
  return [...server, ...(await contentMismatches(pool))].map(mismatchFinding);
}

async function describeTopic(call: Call, findings: Finding[]): Promise<TopicDescription | undefined> {
  if (!call.topic.configured) {
    const text = 'no Kafka brokers are configured (KAFKA_BROKERS): all events are held';
    findings.push({ name: 'no-brokers', severity: 'fault', text });
    return undefined;
  }
  const signal = AbortSignal.any([call.signal, AbortSignal.timeout(KAFKA_TIMEOUT_MS)]);
  try {
    return await call.topic.reader().describe(signal);
  } catch (error) {
    call.signal.throwIfAborted();
    const text = `Kafka does not answer for topic ${call.topic.name}: ${reasonOf(error)}`;
    findings.push({ name: 'kafka-away', severity: 'fault', text });
    return undefined;
  }
}
