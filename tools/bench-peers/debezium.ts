import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withClient } from '../bench-relay/bench-servers.ts';
import type { BenchContext } from '../bench-relay/bench-part.ts';
import { DEBEZIUM_OUTBOX } from '../bench-relay/outbox-tables.ts';
import { findFreePort } from '../stack/index.ts';
import { classPathOf } from '../stack/maven-jars.ts';
import { startPeerProcess } from './peer-process.ts';
import type { Peer, PeerPlace } from './peer.ts';

const DEBEZIUM_VERSION = '3.7.0.Final';
const KAFKA_VERSION = '4.3.1';
const SLOT = 'debezium';
const PUBLICATION = 'debezium';

/** As Kafka's own scripts run Connect. */
const JVM_OPTIONS = [
  ...['-Xms256M', '-Xmx2G', '-server', '-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20'],
  ...['-XX:InitiatingHeapOccupancyPercent=35', '-XX:+ExplicitGCInvokesConcurrent', '-XX:MaxInlineLevel=15'],
  '-Djava.awt.headless=true',
];

/** Folders of places that have been started at, with the offsets that Connect goes on from. */
const folders = new Map<string, string>();

/** Kafka Connect in one process, with Debezium's connector and its outbox event router, set to be quick rather than thrifty. */
export const debezium: Peer = {
  name: 'Debezium',
  table: DEBEZIUM_OUTBOX,
  async prepare({ defer }, databaseUrl) {
    // A database with a slot cannot be dropped.
    defer(() => dropSlot(databaseUrl));
    await withClient(databaseUrl, async (client) => {
      await client.query(
        `CREATE PUBLICATION ${PUBLICATION} FOR TABLE ${DEBEZIUM_OUTBOX.name} WITH (publish = 'insert')`,
      );
      await client.query(`SELECT pg_create_logical_replication_slot('${SLOT}', 'pgoutput')`);
    });
  },
  async start(context, place) {
    const folder = folders.get(place.topic) ?? (await createFolder(context, place));
    const logging = join(import.meta.dirname, '..', 'stack', 'kafka', 'log4j2.xml');
    const main = 'org.apache.kafka.connect.cli.ConnectStandalone';
    const files = ['worker.properties', 'connector.properties'].map((name) => join(folder, name));
    const options = [...JVM_OPTIONS, `-Dlog4j2.configurationFile=${logging}`];
    const classPath = ['-cp', await debeziumClassPath()];
    return startPeerProcess(
      context,
      'java',
      [...options, ...classPath, main, ...files],
      join(folder, 'output'),
    );
  },
};

/** Fetched the first time, which takes minutes. */
export function debeziumClassPath(): Promise<string> {
  return classPathOf({
    name: `Debezium ${DEBEZIUM_VERSION}`,
    pomFile: join(import.meta.dirname, 'debezium', 'pom.xml'),
    properties: { 'debezium.version': DEBEZIUM_VERSION, 'kafka.version': KAFKA_VERSION },
    directory: 'debezium-libs',
  });
}

async function createFolder(context: BenchContext, place: PeerPlace): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'order-events-debezium-'));
  folders.set(place.topic, folder);
  context.defer(async () => {
    folders.delete(place.topic);
    await rm(folder, { recursive: true, force: true });
  });
  const worker = {
    'bootstrap.servers': context.servers.kafka.brokers.join(','),
    listeners: `http://127.0.0.1:${await findFreePort()}`,
    'key.converter': 'org.apache.kafka.connect.storage.StringConverter',
    'value.converter': 'org.apache.kafka.connect.storage.StringConverter',
    'offset.storage.file.filename': join(folder, 'offsets'),
    'offset.flush.interval.ms': '1000',
    'plugin.discovery': 'service_load',
  };
  await writeFile(join(folder, 'worker.properties'), properties(worker));
  await writeFile(join(folder, 'connector.properties'), properties(connectorOf(place)));
  return folder;
}

function connectorOf({ databaseUrl, topic }: PeerPlace): Record<string, string> {
  const url = new URL(databaseUrl);
  return {
    name: 'peer',
    'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
    'tasks.max': '1',
    'database.hostname': url.hostname,
    'database.port': url.port,
    'database.user': decodeURIComponent(url.username),
    'database.password': decodeURIComponent(url.password) || 'none',
    'database.dbname': url.pathname.slice(1),
    'topic.prefix': 'peer',
    'plugin.name': 'pgoutput',
    'slot.name': SLOT,
    'publication.name': PUBLICATION,
    'publication.autocreate.mode': 'disabled',
    'table.include.list': `public.${DEBEZIUM_OUTBOX.name}`,
    'snapshot.mode': 'no_data',
    'tombstones.on.delete': 'false',
    transforms: 'outbox',
    'transforms.outbox.type': 'io.debezium.transforms.outbox.EventRouter',
    'transforms.outbox.route.topic.replacement': topic,
    // As it comes it looks for changes every 500 ms and takes 2,048 at once.
    'poll.interval.ms': '5',
    'max.batch.size': '8192',
    'max.queue.size': '32768',
    'producer.override.linger.ms': '0',
  };
}

const properties = (settings: Readonly<Record<string, string>>): string =>
  Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');

async function dropSlot(databaseUrl: string): Promise<void> {
  await withClient(databaseUrl, async (client) => {
    await client.query(`SELECT pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots
      WHERE slot_name = '${SLOT}' AND active_pid IS NOT NULL`);
    await client.query(`SELECT pg_drop_replication_slot('${SLOT}')`);
  });
}
