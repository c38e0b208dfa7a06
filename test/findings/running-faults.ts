import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { appendEvents, park, produce, writePartitions } from '../../apps/outboxctl/testing/outbox-state.ts';
import { eventually } from '../harness/index.ts';
import { withKafkaAdmin } from '../harness/kafka-admin.ts';
import { alterTopic } from '../harness/topic-settings.ts';
import { both, type Fault } from './fault.ts';
import { makeOld, setMode, spoilTheLog, sql } from './fault-setups.ts';
import { goToLunch } from './fault-world.ts';

/** What holds up relays that may publish; what takes longest comes first. */
export const RUNNING_FAULTS: readonly Fault[] = [
  {
    what: 'what has to be read back cannot be read, in a Kafka that soon forgets its writers',
    partitions: 1,
    before: spoilTheLog,
    rows: [
      both(
        'ledger-unreadable',
        'fault',
        /partition 0 cannot be read from offset 0 up to 1.*outboxctl rebase/,
      ),
      both('short-producer-memory', 'notice', /producer\.id\.expiration\.ms of the brokers is 3600000/),
    ],
  },
  {
    what: 'the log ends before what was stored of it',
    async before({ state }) {
      await writePartitions(state);
      await state.pool.query('UPDATE relay_partition SET log_offset = 1000');
    },
    rows: [
      both(
        'log-cut',
        'notice',
        /lost events that it had acknowledged, in partitions 0, 1; .*outboxctl replay --since/,
      ),
    ],
  },
  {
    what: 'events lie behind what a checkpoint covers that the database does not have',
    async before({ state }) {
      await writePartitions(state);
      await produce(state, [{ eventId: randomUUID(), key: 'order-1', seq: 1n }]);
    },
    rows: [
      both('only-in-topic', 'notice', /that the outbox does not, 1 in partitions \d: .*outboxctl verify/),
    ],
  },
  {
    what: 'the topic is gone under a relay that publishes to it',
    async whileRunning({ state }) {
      await withKafkaAdmin(state, (admin) => admin.deleteTopics({ topics: [state.topic] }));
      await appendEvents(state, ['order-1']);
    },
    rows: [
      both('append-failing', 'fault', /Kafka does not take events: UNKNOWN_TOPIC_OR_PARTITION/),
      { finding: 'kafka-away', severity: 'fault', says: /does not answer for topic/, by: 'outboxctl' },
    ],
  },
  {
    what: 'the topic is gone before a relay takes its partitions over',
    before: ({ state }) => writePartitions(state, 'relay-1'),
    claims: 0,
    async whileRunning(world) {
      const { state } = world;
      await eventually(async () =>
        assert.equal((await state.pool.query('SELECT FROM relay_identity')).rowCount, 1),
      );
      await withKafkaAdmin(state, (admin) => admin.deleteTopics({ topics: [state.topic] }));
      await sql('UPDATE relay_partition SET owner = NULL, lease_until = NULL')(world);
    },
    rows: [both('claim-failed', 'fault', /partitions cannot be taken over: UNKNOWN_TOPIC_OR_PARTITION/)],
  },
  {
    what: 'somebody has locked a row, and has written',
    whileRunning: (world) => goToLunch(world, 'SELECT FROM relay_partition WHERE partition = 0 FOR UPDATE'),
    rows: [
      both('locked-row', 'fault', /row of partition 0 is locked/),
      both('locked-table', 'fault', /at lunch .*has locks on relay_partition.*pg_terminate_backend\(\d+\)/),
      both('unowned', 'fault', /partitions without an owner: 0\b/),
      {
        finding: 'open-transaction',
        severity: 'notice',
        says: /transaction that has written is open/,
        by: 'relay',
      },
    ],
  },
  {
    what: 'a topic that refuses the time of the relay, and has every setting that is worth knowing',
    topic: {
      'max.message.bytes': '100000',
      'message.timestamp.type': 'CreateTime',
      'min.insync.replicas': '2',
      'retention.bytes': '1000000',
      'retention.ms': '1000',
      'unclean.leader.election.enable': 'true',
    },
    // Not before it has its partitions: Kafka's own markers would be refused as well.
    whileRunning: ({ state }) => alterTopic(state, 'message.timestamp.before.max.ms', '0'),
    // Refused is what takes a millisecond to get there.
    again: ({ state }) => appendEvents(state, ['order-1']),
    rows: [
      both('wrong-clock', 'fault', /does not take the time of this relay's clock/),
      both('short-retention', 'fault', /retention\.ms is 1000/),
      both('retention-by-size', 'notice', /retention\.bytes is 1000000/),
      both('small-messages', 'notice', /max\.message\.bytes is 100000/),
      both('too-few-replicas', 'notice', /min\.insync\.replicas is 2 and the topic has 1/),
      both('unclean-election', 'notice', /unclean\.leader\.election\.enable is true/),
      both('writers-time', 'notice', /message\.timestamp\.type is CreateTime/),
    ],
  },
  {
    what: 'paused, drained and parked, and times of a clock that was ahead',
    partitions: 1,
    async whileRunning(world) {
      const { state } = world;
      await setMode(world, 'paused');
      const [event] = await appendEvents(state, ['order-1', 'order-2']);
      await makeOld(world);
      if (event) await park(state, event, 'too large');
      await state.pool.query(
        `INSERT INTO outbox (key, key_hash, event_id, event_type, payload, created_at)
         VALUES ('order-3', 0, gen_random_uuid(), 'order.updated', '{}', clock_timestamp() + interval '1 hour')`,
      );
    },
    rows: [
      both('paused', 'notice', /partitions 0 are paused, and events wait/),
      both('parked', 'fault', /1 parked key: `?outboxctl parked list/),
      both('waits', 'fault', /oldest pending event is 2 min \d+ s old.*: .*paused/),
      both('clock-set-back', 'notice', /up to 1 h 0 min ahead of its clock/),
    ],
  },
  {
    what: 'drained for a resize that nobody finishes',
    partitions: 1,
    async whileRunning(world) {
      await setMode(world, 'draining');
      await appendEvents(world.state, ['order-1']);
    },
    rows: [both('draining', 'notice', /partitions 0 are draining, and events wait/)],
  },
  {
    what: 'an owner that does nothing, and one that works off a backlog',
    async before(world) {
      const { state } = world;
      await writePartitions(state, 'relay-1');
      await appendEvents(state, ['order-1', 'order-2', 'order-3', 'order-4']);
      await makeOld(world);
      await state.pool.query(
        `UPDATE relay_partition SET page_target = cursor, page_seq = 0, page_end = 9 WHERE partition = 1`,
      );
    },
    rows: [
      both('waits-unexplained', 'fault', /2 min \d+ s old.* and no reason is known/),
      both('catching-up', 'notice', /backlog is being worked off in partitions 1/),
    ],
  },
];
