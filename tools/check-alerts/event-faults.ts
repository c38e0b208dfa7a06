import { execFile } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import path from 'node:path';
import { promisify } from 'node:util';
import { keyHash } from '@order-events/messaging';
import kafkajs from 'kafkajs';
import pg from 'pg';
import { alterTopic } from '../../test/harness/topic-settings.ts';
import { ORDER_TOPIC, type OrderSystem } from '../stack/order-system.ts';
import type { AlertFault } from './alert-fault.ts';

const REPOSITORY = path.resolve(import.meta.dirname, '../..');
const LIMIT_BYTES = 100_000;
const USUAL_LIMIT_BYTES = 1_048_588;

/** Events that cannot go on, and what somebody else does to the outbox or the topic. */
export const EVENT_FAULTS: readonly AlertFault[] = [
  {
    name: 'Kafka refuses an event for good',
    alerts: ['RelayEventsParked', 'RelayUnhealthy'],
    async inject({ system }) {
      const topic = { brokers: system.kafka.brokers, topic: ORDER_TOPIC };
      await alterTopic(topic, 'max.message.bytes', String(LIMIT_BYTES));
      const eventId = await appendLargeEvent(system);
      return async () => {
        await alterTopic(topic, 'max.message.bytes', String(USUAL_LIMIT_BYTES));
        await outboxctl(system, 'parked', 'discard', eventId, '--yes');
      };
    },
  },
  {
    name: 'somebody else writes what is no event into the topic',
    alerts: ['RelaySecondWriter', 'GatewayRecordsSkipped'],
    async inject({ system }) {
      await writeForeignRecords(system);
      return async () => {};
    },
  },
  {
    name: 'a transaction that has written is left open',
    alerts: ['RelayWriteTransactionOpen'],
    async inject({ system }) {
      const client = new pg.Client({ connectionString: system.postgres.url });
      await client.connect();
      await client.query('BEGIN; SELECT pg_current_xact_id()');
      return () => client.end();
    },
  },
];

/** What cannot be compressed to less than the topic takes. */
async function appendLargeEvent({ postgres }: OrderSystem): Promise<string> {
  const client = new pg.Client({ connectionString: postgres.url });
  const [key, eventId] = [randomUUID(), randomUUID()];
  const payload = JSON.stringify(randomBytes(LIMIT_BYTES).toString('hex'));
  await client.connect();
  try {
    await client.query(
      `INSERT INTO outbox (key, key_hash, event_id, event_type, payload) VALUES ($1, $2, $3, 'order.updated', $4)`,
      [key, keyHash(key), eventId, payload],
    );
  } finally {
    await client.end();
  }
  return eventId;
}

/** One into each partition: whichever the relay writes next finds it. */
async function writeForeignRecords({ kafka }: OrderSystem): Promise<void> {
  const client = new kafkajs.Kafka({
    clientId: 'stranger',
    brokers: kafka.brokers,
    logLevel: kafkajs.logLevel.NOTHING,
  });
  const producer = client.producer();
  await producer.connect();
  try {
    const messages = Array.from({ length: 12 }, (_, partition) => ({ partition, value: 'no event' }));
    await producer.send({ topic: ORDER_TOPIC, messages });
  } finally {
    await producer.disconnect();
  }
}

async function outboxctl({ postgres, kafka }: OrderSystem, ...args: string[]): Promise<void> {
  const env = {
    PATH: process.env['PATH'],
    DATABASE_URL: postgres.url,
    KAFKA_BROKERS: kafka.brokers.join(),
    KAFKA_TOPIC: ORDER_TOPIC,
  };
  const main = path.join(REPOSITORY, 'apps/outboxctl/src/main.ts');
  await promisify(execFile)(process.execPath, [main, ...args], { cwd: REPOSITORY, env });
}
