import { Kafka, logLevel } from 'kafkajs';
import pg from 'pg';

// The outbox relay that one finds in most tutorials, for comparison: claim a page of rows, send it with the client's own producer, mark
// the rows. It keeps no order between relays and doubles what a crash leaves between the send and the commit.

const PAGE_ROWS = 500;
const IDLE_MS = 10;

const [databaseUrl = '', broker = '', topic = ''] = process.argv.slice(2);

const client = new pg.Client({ connectionString: databaseUrl, application_name: 'claim-send-mark' });
const kafka = new Kafka({ clientId: 'claim-send-mark', brokers: [broker], logLevel: logLevel.ERROR });
const producer = kafka.producer();
await client.connect();
await producer.connect();
let stopping = false;
process.once('SIGTERM', () => {
  stopping = true;
});

while (!stopping) {
  if (!(await publishPage())) await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
}
await producer.disconnect();
await client.end();

async function publishPage(): Promise<boolean> {
  await client.query('BEGIN');
  const { rows } = await client.query(
    `SELECT id, key, event_id, event_type, headers, payload FROM marked_outbox
     WHERE published_at IS NULL ORDER BY id LIMIT ${PAGE_ROWS} FOR UPDATE SKIP LOCKED`,
  );
  if (rows.length > 0) {
    await producer.send({
      topic,
      acks: -1,
      messages: rows.map((row) => ({
        key: row.key,
        value: row.payload,
        headers: {
          ce_specversion: '1.0',
          ce_id: row.event_id,
          ce_type: row.event_type,
          ce_source: '/orders',
          'content-type': 'application/json',
          traceparent: row.headers.traceparent,
        },
      })),
    });
    const ids = rows.map((row) => row.id);
    await client.query('UPDATE marked_outbox SET published_at = now() WHERE id = ANY($1::bigint[])', [ids]);
  }
  await client.query('COMMIT');
  return rows.length > 0;
}
