import { appendEvents, coverAll, writePartitions } from '../../apps/outboxctl/testing/outbox-state.ts';
import { findFreePort } from '../../tools/stack/index.ts';
import { both, type Fault, halts } from './fault.ts';
import { asRoleWithout, identity, sql, takeNoWrites } from './fault-setups.ts';

/** What a relay finds that starts, and why it publishes nothing. */
export const STARTING_FAULTS: readonly Fault[] = [
  {
    what: 'two events with one number',
    partitions: 1,
    async before(world) {
      await writePartitions(world.state);
      await appendEvents(world.state, ['order-1', 'order-1']);
      await sql('UPDATE outbox SET seq = 2')(world);
    },
    rows: [both('equal-seq', 'halt', /two events that wait have the seq 2.*outboxctl rebase/)],
  },
  {
    what: 'a sequence that was set back',
    async before(world) {
      await appendEvents(world.state, ['order-1', 'order-2']);
      await sql(`SELECT setval('outbox_seq', 1)`)(world);
    },
    rows: halts('sequence-behind', /outbox_seq is behind.*outboxctl rebase/, /outbox_seq is behind/),
  },
  {
    what: 'cursors of another database server',
    before: identity({ system_identifier: `'1'` }),
    rows: halts(
      'wrong-database',
      /belong to another database server.*outboxctl rebase/,
      /to another database server/,
    ),
  },
  {
    what: 'cursors that have seen more than the database',
    async before(world) {
      await writePartitions(world.state);
      await sql(`UPDATE relay_partition SET cursor = '900000000:900000000:' WHERE partition = 1`)(world);
    },
    rows: halts(
      'cursor-ahead',
      /cursors of partitions 1 are ahead of the database.*outboxctl rebase/,
      /of partitions 1 are ahead/,
    ),
  },
  {
    what: 'cursors of another cluster',
    before: identity({ cluster_id: `'other'` }),
    rows: halts(
      'wrong-cluster',
      /to another Kafka cluster \(other, .*outboxctl rebase/,
      /another Kafka cluster/,
    ),
  },
  {
    what: 'cursors of another topic',
    before: identity({ topic: `'other'` }),
    rows: halts(
      'wrong-topic',
      /belong to the topic other, not to .*outboxctl rebase/,
      /belong to the topic other/,
    ),
  },
  {
    what: 'cursors of another number of partitions',
    before: identity({ partition_count: '3' }),
    rows: halts(
      'partition-count',
      /has 2 partitions, the cursors are for 3; .*outboxctl resize/,
      /has 2 partitions, the cursors/,
    ),
  },
  {
    what: 'a topic that is compacted',
    topic: { 'cleanup.policy': 'compact' },
    rows: halts('topic-compacted', /cleanup\.policy is "compact"/, /set cleanup\.policy=delete on the topic/),
  },
  {
    what: 'a role that lacks what publishing needs, of a relay that owns nothing',
    before: asRoleWithout('UPDATE ON relay_identity'),
    rows: [
      both('halted', 'halt', /lacks rights \(UPDATE on relay_identity\)/),
      both('janitor-refused', 'fault', /partitions of the outbox are not made and dropped/),
    ],
  },
  {
    what: 'a role that lacks what operators ask for',
    before: asRoleWithout('UPDATE ON replay_partition'),
    rows: [both('missing-rights', 'fault', /lacks rights \(UPDATE on replay_partition\)/)],
  },
  {
    what: 'a server that takes no writes',
    before: takeNoWrites,
    pendingEvents: 3,
    rows: [
      both('read-only', 'fault', /takes no writes/),
      both('no-relay', 'fault', /no relay is alive/),
      both('no-partitions', 'fault', /no relay has found the topic/),
    ],
  },
  {
    what: 'a server that takes no writes any more, where a relay had published before',
    async before(world) {
      await writePartitions(world.state);
      await coverAll(world.state);
      await takeNoWrites(world);
    },
    pendingEvents: 3,
    rows: [both('read-only', 'fault', /takes no writes/), both('no-relay', 'fault', /no relay is alive/)],
  },
  {
    what: 'brokers that are away',
    before: async ({ env }) => (env['KAFKA_BROKERS'] = `127.0.0.1:${await findFreePort()}`),
    rows: [
      both('waiting', 'fault', /nothing is published yet: .*ECONNREFUSED/),
      { finding: 'kafka-away', severity: 'fault', says: /does not answer for topic/, by: 'outboxctl' },
    ],
  },
  {
    what: 'a relay without brokers',
    before: async ({ env }) => (env['KAFKA_BROKERS'] = 'none'),
    rows: [both('no-brokers', 'fault', /no Kafka brokers are configured/)],
  },
  {
    what: 'a database that is away',
    before: async ({ env }) =>
      (env['DATABASE_URL'] = `postgres://nobody@127.0.0.1:${await findFreePort()}/none`),
    unread: /ECONNREFUSED/,
    rows: [
      { finding: 'not-measured', severity: 'fault', says: /database has not been measured yet/, by: 'relay' },
      {
        finding: 'waiting',
        severity: 'fault',
        says: /nothing is published yet: .*ECONNREFUSED/,
        by: 'relay',
      },
    ],
  },
];
