import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { test, type TestContext } from 'node:test';
import {
  createConsumerGroups,
  createKafkaPublisher,
  createLogReader,
  createTopicLayoutReader,
  ensureCompleteTopic,
  ensureHeldTopic,
  ensureTopic,
} from '@order-events/messaging';
import { consumeOrders, type OrderEvent } from '@order-events/order-stream';
import kafkajs from 'kafkajs';
import { recordConsume } from '../../apps/stream-gateway/testing/consume-recorder.ts';
import { runOutboxctl } from '../../apps/outboxctl/testing/run-outboxctl.ts';
import { createOrderClient } from '../../apps/api/testing/order-client.ts';
import { createTestDatabase, eventually, startKafka } from '../harness/index.ts';
import { withKafkaAdmin } from '../harness/kafka-admin.ts';
import { appEnv, startOrderApps } from '../harness/order-apps.ts';
import { assertTopicHoldsAll } from '../harness/topic-holds.ts';

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;

const TOPIC = 'orders.events';
const GROUPS = 'orders-stream.';
const PASSWORD = 'secret';
const USERS = ['topics', 'relay', 'gateway', 'operator'] as const;
type User = (typeof USERS)[number];

interface Right {
  readonly user: User;
  readonly operation: 'READ' | 'WRITE' | 'CREATE' | 'DELETE' | 'DESCRIBE' | 'ALTER' | 'DESCRIBE_CONFIGS';
  readonly on: 'TOPIC' | 'GROUP' | 'TRANSACTIONAL_ID' | 'CLUSTER';
  readonly name: string;
  readonly isPrefix?: true;
  /** As the page has it. */
  readonly row: string;
  /** What is said without it; absent where nothing fails. */
  readonly said?: RegExp;
}

const needs = (right: string) => new RegExp(`the user needs the right ${right}`);
const LAYOUT = `${TOPIC}.layout`;
const COMPLETE = `${TOPIC}.complete`;
const HELD = `${TOPIC}.held`;

/** Exactly what docs/connections.md lists. */
const RIGHTS: readonly Right[] = [
  {
    user: 'topics',
    operation: 'CREATE',
    on: 'TOPIC',
    name: TOPIC,
    row: '| topics job | `Create`, `Describe` | topic `<topic>` |',
    said: needs('Create on the topic'),
  },
  {
    user: 'topics',
    operation: 'DESCRIBE',
    on: 'TOPIC',
    name: TOPIC,
    row: '| topics job | `Create`, `Describe` | topic `<topic>` |',
    said: needs('Describe on the topic'),
  },
  ...(['CREATE', 'DESCRIBE'] as const).map((operation): Right => ({
    user: 'topics',
    operation,
    on: 'TOPIC',
    name: COMPLETE,
    row: '| topics job | `Create`, `Describe` | topic `<topic>.complete` |',
    said: needs('(Create|Describe) on the topic'),
  })),
  ...(['CREATE', 'ALTER'] as const).map((operation): Right => ({
    user: 'topics',
    operation,
    on: 'TOPIC',
    name: HELD,
    row: '| topics job | `Create`, `Alter` | topic `<topic>.held` |',
    // Who may alter a topic may describe it.
    said: needs('(Create|Describe) on the topic'),
  })),
  ...(['READ', 'WRITE'] as const).map((operation): Right => ({
    user: 'gateway',
    operation,
    on: 'TOPIC',
    name: HELD,
    row: '| gateway | `Read`, `Write` | topic `<topic>.held` |',
  })),
  {
    user: 'gateway',
    operation: 'WRITE',
    on: 'TRANSACTIONAL_ID',
    name: `${HELD}:`,
    isPrefix: true,
    row: '| gateway | `Write` | transactional ids with the prefix `<topic>.held:` |',
  },
  {
    user: 'relay',
    operation: 'WRITE',
    on: 'TOPIC',
    name: COMPLETE,
    row: '| relay | `Write` | topic `<topic>.complete` |',
  },
  {
    user: 'gateway',
    operation: 'READ',
    on: 'TOPIC',
    name: COMPLETE,
    row: '| gateway | `Read` | topic `<topic>.complete` |',
  },
  {
    user: 'relay',
    operation: 'READ',
    on: 'TOPIC',
    name: TOPIC,
    row: '| relay | `Read`, `Write` | topic `<topic>` |',
    said: needs('Read on the topic'),
  },
  {
    user: 'relay',
    operation: 'WRITE',
    on: 'TOPIC',
    name: TOPIC,
    row: '| relay | `Read`, `Write` | topic `<topic>` |',
    said: needs('Write on the topic'),
  },
  {
    user: 'relay',
    operation: 'WRITE',
    on: 'TRANSACTIONAL_ID',
    name: `orders-relay-${TOPIC}-`,
    isPrefix: true,
    row: '| relay | `Write` | transactional ids with the prefix `orders-relay-<topic>-` |',
    said: needs('Write on the transactional id'),
  },
  {
    user: 'relay',
    operation: 'DESCRIBE_CONFIGS',
    on: 'TOPIC',
    name: TOPIC,
    row: '| relay | `DescribeConfigs` | topic `<topic>` and the cluster |',
  },
  {
    user: 'relay',
    operation: 'DESCRIBE_CONFIGS',
    on: 'CLUSTER',
    name: 'kafka-cluster',
    row: '| relay | `DescribeConfigs` | topic `<topic>` and the cluster |',
  },
  {
    user: 'gateway',
    operation: 'READ',
    on: 'TOPIC',
    name: TOPIC,
    row: '| gateway | `Read` | topic `<topic>` |',
    said: needs('(Describe|Read) on the topic'),
  },
  {
    user: 'gateway',
    operation: 'READ',
    on: 'TOPIC',
    name: LAYOUT,
    row: '| gateway | `Read` | topic `<topic>.layout` |',
    said: /the layout topic may not be read/,
  },
  {
    user: 'gateway',
    operation: 'READ',
    on: 'GROUP',
    name: GROUPS,
    isPrefix: true,
    row: '| gateway | `Read`, `Delete` | groups with the prefix `orders-stream.` |',
    said: needs('Read on the group'),
  },
  {
    user: 'gateway',
    operation: 'DELETE',
    on: 'GROUP',
    name: GROUPS,
    isPrefix: true,
    row: '| gateway | `Read`, `Delete` | groups with the prefix `orders-stream.` |',
    said: needs('Delete on the group'),
  },
  {
    user: 'gateway',
    operation: 'DESCRIBE_CONFIGS',
    on: 'TOPIC',
    name: TOPIC,
    row: '| gateway | `DescribeConfigs` | topic `<topic>` |',
  },
  {
    user: 'operator',
    operation: 'READ',
    on: 'TOPIC',
    name: TOPIC,
    row: '| `outboxctl` | `Read` | topic `<topic>` |',
    said: needs('(Describe|Read) on the topic'),
  },
  {
    user: 'operator',
    operation: 'ALTER',
    on: 'TOPIC',
    name: TOPIC,
    row: '| `outboxctl resize` | `Alter` | topic `<topic>` |',
    said: needs('Alter on the topic'),
  },
  {
    user: 'operator',
    operation: 'ALTER',
    on: 'TOPIC',
    name: HELD,
    row: '| `outboxctl resize` | `Alter` | topic `<topic>.held` |',
    // Who may alter a topic may describe it.
    said: needs('(Alter|Describe) on the topic'),
  },
  ...(['CREATE', 'READ', 'WRITE'] as const).map((operation): Right => ({
    user: 'operator',
    operation,
    on: 'TOPIC',
    name: LAYOUT,
    row: '| `outboxctl resize` | `Create`, `Read`, `Write` | topic `<topic>.layout` |',
  })),
];

const aclOf = ({ user, operation, on, name, isPrefix }: Right) => ({
  principal: `User:${user}`,
  host: '*',
  operation: AclOperationTypes[operation],
  permissionType: AclPermissionTypes.ALLOW,
  resourceType: AclResourceTypes[on],
  resourceName: name,
  resourcePatternType: isPrefix ? ResourcePatternTypes.PREFIXED : ResourcePatternTypes.LITERAL,
});

async function startKafkaWithRights(t: TestContext) {
  const kafka = await startKafka(t, {
    securedFor: USERS.map((username) => ({ username, password: PASSWORD })),
    settings: {
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      // Of the plain listener and the controller: the test itself.
      'super.users': 'User:ANONYMOUS',
    },
  });
  assert.ok(kafka.secured);
  const { brokers, ca, caFile } = kafka.secured;
  const admin = { brokers: kafka.brokers };
  return {
    admin,
    brokers,
    connection: (username: User) => ({
      brokers,
      clientId: username,
      ssl: { ca },
      sasl: { mechanism: 'scram-sha-512', username, password: PASSWORD } as const,
    }),
    env: (username: User): Record<string, string> => ({
      KAFKA_BROKERS: brokers.join(),
      KAFKA_TLS: 'true',
      KAFKA_TLS_CA_FILE: caFile,
      KAFKA_SASL_MECHANISM: 'scram-sha-512',
      KAFKA_SASL_USERNAME: username,
      KAFKA_SASL_PASSWORD: PASSWORD,
    }),
    grant: (...rights: readonly Right[]) =>
      withKafkaAdmin(admin, (client) => client.createAcls({ acl: rights.map(aclOf) })),
    revoke: (right: Right) =>
      withKafkaAdmin(admin, (client) => client.deleteAcls({ filters: [aclOf(right)] })),
  };
}

type Cluster = Awaited<ReturnType<typeof startKafkaWithRights>>;

/** What the processes do with Kafka, each on connections of its own. Rejects with what they would log. */
const WORK: Readonly<Record<User, (kafka: Cluster, signal: AbortSignal) => Promise<unknown>>> = {
  async topics(kafka, signal) {
    const connection = kafka.connection('topics');
    await ensureTopic(connection, { topic: TOPIC, partitions: 12, replicationFactor: 1 }, signal);
    await ensureCompleteTopic(connection, TOPIC, signal);
    await ensureHeldTopic(connection, { topic: TOPIC, partitions: 12, replicationFactor: 1 }, signal);
  },
  async relay(kafka, signal) {
    const refused = Promise.withResolvers<never>();
    refused.promise.catch(() => undefined);
    const publisher = createKafkaPublisher({
      ...kafka.connection('relay'),
      topic: TOPIC,
      transactionalIdPrefix: `orders-relay-${TOPIC}`,
      // A batch is sent again until it is taken; this is what the relay logs meanwhile.
      observer: { retried: (_partition, error) => refused.reject(error) },
    });
    const publish = async () => {
      await publisher.claim(0, 0n, signal);
      const event = { eventId: randomUUID(), key: 'k', partition: 0, value: '{}', headers: { ce_id: '1' } };
      await publisher.publish([event], signal);
    };
    try {
      await Promise.race([publish(), refused.promise]);
    } finally {
      await publisher.close();
    }
  },
  async gateway(kafka, signal) {
    const config = { ...kafka.connection('gateway'), topic: TOPIC };
    const [reader, layout, groups] = [
      createLogReader(config),
      createTopicLayoutReader(config),
      createConsumerGroups(config),
    ];
    try {
      const { topicId } = await reader.describe(signal);
      await reader.ends(signal);
      await layout.read(topicId, signal);
      await groups.offsets.commit(`${GROUPS}${TOPIC}:rights`, new Map([[0, 0n]]), '', signal);
      await groups.offsets.list(signal);
      await groups.offsets.delete(`${GROUPS}${TOPIC}:rights`, signal);
    } finally {
      for (const part of [reader, layout, groups]) part.close();
    }
  },
  async operator() {},
};

/** A rejection is stored, which is the claim of a held partition, a write and a commit. */
async function assertRejects(t: TestContext, address: string): Promise<void> {
  const stream = recordConsume(t, address, { subscription: 'rejecting', rejectPolicy: { maxAttempts: 1 } });
  await stream.received(1);
  const [{ eventId }] = stream.events() as [OrderEvent];
  const reject = { eventId, reason: 'unknown article', decision: undefined };
  stream.send({ request: { $case: 'reject', value: reject } });
  await stream.signal('rejected');
  await stream.cancel();
}

test('with exactly the documented rights everything works, and without any one of them the message says which', async (t) => {
  const page = await readFile(new URL('../../docs/connections.md', import.meta.url), 'utf8');
  for (const { row } of RIGHTS) assert.ok(page.includes(row), `docs/connections.md has no ${row}`);
  const kafka = await startKafkaWithRights(t);
  const [jobs, others] = [RIGHTS.filter(isOfJob), RIGHTS.filter((right) => !isOfJob(right))];
  await kafka.grant(...jobs, ...others);
  // While there is no topic yet.
  for (const right of jobs) await assertSaidWithout(kafka, right);
  await eventually(() => WORK.topics(kafka, AbortSignal.timeout(20_000)));

  const { url: databaseUrl } = await createTestDatabase(t);
  const common = { databaseUrl, brokers: kafka.brokers, topic: TOPIC };
  const apps = await startOrderApps(t, {
    ...common,
    envOf: { relay: kafka.env('relay'), 'stream-gateway': kafka.env('gateway') },
  });
  const client = createOrderClient(apps.api.urls.http);
  const orderIds = new Set(await Promise.all(Array.from({ length: 5 }, () => client.place())));
  const signal = AbortSignal.timeout(120_000);
  for await (const { events, acknowledge } of consumeOrders({
    address: apps.gateway.urls.grpc,
    subscription: 'rights',
    start: { $case: 'earliest', value: true },
    signal,
  })) {
    for (const { orderId } of events) orderIds.delete(orderId);
    acknowledge();
    if (orderIds.size === 0) break;
  }
  await assertRejects(t, apps.gateway.urls.grpc);
  await assertTopicHoldsAll({ databaseUrl, brokers: kafka.admin.brokers, topic: TOPIC });
  const operatorEnv = { ...appEnv(common).relay, ...kafka.env('operator') };
  const operator = (...args: string[]) => runOutboxctl(operatorEnv, ...args, '--yes');
  for (const command of [['verify'], ['pause'], ['resize', '--partitions', '24'], ['resume']]) {
    const { code, stdout, stderr } = await operator(...command);
    assert.equal(code, 0, `${command.join(' ')}: ${stdout}${stderr}`);
  }
  for (const app of [apps.relay, apps.gateway]) {
    assert.doesNotMatch(JSON.stringify(app.logs()), /AUTHORIZATION|the user needs|cannot know/);
    app.kill();
    await app.exited;
  }

  for (const right of others) {
    if (!right.said || right.user === 'operator') continue;
    await assertSaidWithout(kafka, right);
    await eventually(() => WORK[right.user](kafka, AbortSignal.timeout(20_000)));
  }
  for (const right of RIGHTS.filter(({ user, said }) => user === 'operator' && said)) {
    await kafka.revoke(right);
    const command = right.operation === 'ALTER' ? ['resize', '--partitions', '30'] : ['verify'];
    await eventually(async () =>
      assert.match((await operator(...command)).stderr, right.said ?? /./, right.row),
    );
    await kafka.grant(right);
  }
});

const isOfJob = ({ user }: Right) => user === 'topics';

/** Takes it away, looks for the message, and gives it back. */
async function assertSaidWithout(kafka: Cluster, right: Right): Promise<void> {
  await kafka.revoke(right);
  await eventually(() =>
    assert.rejects(WORK[right.user](kafka, AbortSignal.timeout(5_000)), (error: Error) => {
      assert.match(told(error), right.said ?? /./, right.row);
      return true;
    }),
  );
  await kafka.grant(right);
}

/** With its causes, as logs have them. */
function told(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return `${error.message}; ${error.cause === undefined ? '' : told(error.cause)}`;
}
