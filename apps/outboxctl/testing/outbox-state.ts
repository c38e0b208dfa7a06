import { randomUUID } from 'node:crypto';
import type { TestContext } from 'node:test';
import { keyHash, orderEventHeaders } from '@order-events/messaging';
import kafkajs from 'kafkajs';
import pg from 'pg';
import { createTestDatabase, createTestTopic, eventually } from '../../../test/harness/index.ts';
import { type OutboxctlRun, runOutboxctl } from './run-outboxctl.ts';

export interface OutboxEvent {
  readonly eventId: string;
  readonly key: string;
  readonly seq: bigint;
}

/** Of any shape: a test asserts what it reads. */
type Parsed = ReturnType<typeof JSON.parse>;

export interface OutboxState {
  readonly pool: pg.Pool;
  readonly brokers: string[];
  readonly topic: string;
  readonly partitionCount: number;
  readonly env: Readonly<Record<string, string>>;
  run(...args: string[]): Promise<OutboxctlRun>;
  /** Runs with --json, and answers what it printed. */
  runJson(...args: string[]): Promise<{ code: number | null; json: Parsed; stderr: string }>;
}

/** A database and a topic of the test's own, and the command that looks at them. */
export async function createOutboxState(
  t: TestContext,
  partitionCount = 12,
  config: Readonly<Record<string, string>> = {},
): Promise<OutboxState> {
  const { url } = await createTestDatabase(t);
  const { brokers, topic } = await createTestTopic(t, { partitions: partitionCount, config });
  const pool = new pg.Pool({ connectionString: url, max: 4 });
  t.after(() => pool.end());
  const env = { DATABASE_URL: url, KAFKA_BROKERS: brokers.join(','), KAFKA_TOPIC: topic };
  const run = (...args: string[]) => runOutboxctl(env, ...args);
  return {
    pool,
    brokers,
    topic,
    partitionCount,
    env,
    run,
    async runJson(...args) {
      const { code, stdout, stderr } = await run(...args, '--json');
      try {
        return { code, json: JSON.parse(stdout), stderr };
      } catch (error) {
        throw new Error(`exit code ${code}, stdout ${stdout}, stderr ${stderr}`, { cause: error });
      }
    },
  };
}

/** A session of its own, in a transaction that has its id; ended after the test. */
export async function openTransaction(t: TestContext, state: OutboxState): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: state.env['DATABASE_URL'] });
  await client.connect();
  t.after(() => client.end());
  await client.query('BEGIN');
  await client.query('SELECT pg_current_xact_id()');
  return client;
}

/** The rows that a relay writes when it first finds the topic; every cursor stands at the present. */
export async function writePartitions(state: OutboxState, owner?: string): Promise<void> {
  await state.pool.query(
    `INSERT INTO relay_partition (partition, cursor, owner, lease_until)
     SELECT partition, pg_current_snapshot(), $2, CASE WHEN $2::text IS NOT NULL THEN now() + interval '1 hour' END
     FROM generate_series(0, $1::int - 1) AS partition`,
    [state.partitionCount, owner ?? null],
  );
}

/** One committed event for each key, in the order given. */
export async function appendEvents(state: OutboxState, keys: readonly string[]): Promise<OutboxEvent[]> {
  const events: OutboxEvent[] = [];
  for (const key of keys) {
    const eventId = randomUUID();
    const { rows } = await state.pool.query<{ seq: string }>(
      `INSERT INTO outbox (key, key_hash, event_id, event_type, payload)
       VALUES ($1, $2, $3, 'order.updated', $4) RETURNING seq`,
      [key, keyHash(key), eventId, JSON.stringify({ order_id: key })],
    );
    events.push({ eventId, key, seq: BigInt(rows[0]?.seq ?? 0) });
  }
  return events;
}

/** Moves every cursor to the present: all that is committed counts as published. */
export async function coverAll(state: OutboxState): Promise<void> {
  await state.pool.query(
    'UPDATE relay_partition SET cursor = pg_current_snapshot(), page_target = NULL, page_seq = NULL, page_end = NULL',
  );
}

export async function park(state: OutboxState, event: OutboxEvent, cause: string): Promise<void> {
  await state.pool.query(
    `INSERT INTO parked_event (event_id, seq, partition, key, event_type, headers, payload, created_at, cause)
     SELECT event_id, seq, key_hash % $2, key, event_type, headers, payload, created_at, $3
     FROM outbox WHERE event_id = $1`,
    [event.eventId, state.partitionCount, cause],
  );
}

/** Appends events to the topic as a relay would, in the order given. */
export async function produce(
  state: OutboxState,
  events: readonly OutboxEvent[],
  replayId?: string,
): Promise<void> {
  const client = new kafkajs.Kafka({
    clientId: 'test',
    brokers: state.brokers,
    logLevel: kafkajs.logLevel.NOTHING,
  });
  const producer = client.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  await producer.connect();
  try {
    for (const { eventId, key } of events) {
      const headers = orderEventHeaders({ eventId, eventType: 'order.updated' });
      const message = {
        key,
        value: JSON.stringify({ order_id: key }),
        partition: keyHash(key) % state.partitionCount,
        headers: replayId === undefined ? headers : { ...headers, replay_id: replayId },
      };
      // A client that has not heard of a new partition drops what is for it, and resolves with nothing.
      await eventually(async () => {
        const acknowledged = await producer.send({ topic: state.topic, messages: [message] });
        if (acknowledged.length === 0) throw new Error('the producer does not know the partition yet');
      });
    }
  } finally {
    await producer.disconnect();
  }
}
