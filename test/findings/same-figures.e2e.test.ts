import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { appendEvents, park, writePartitions } from '../../apps/outboxctl/testing/outbox-state.ts';
import { runOutboxctl } from '../../apps/outboxctl/testing/run-outboxctl.ts';
import { eventually } from '../harness/index.ts';
import { identity } from './fault-setups.ts';
import { createFaultWorld, type FaultWorld, type RunningRelay, textOf } from './fault-world.ts';
import { type Figures, figuresOfPage, samplesOf } from './told-figures.ts';

type Parsed = ReturnType<typeof JSON.parse>;

/** A relay that publishes nothing, since its database is another one's, so that nothing moves while three are asked. */
async function setup(t: TestContext, partitions: number, write: (world: FaultWorld) => Promise<unknown>) {
  const world = await createFaultWorld(t, partitions, {});
  // Heartbeats of the test are to stay what they are while the relay is looked at.
  world.env['RELAY_LEASE_MS'] = '60000';
  await identity({ system_identifier: `'1'`, partition_count: String(partitions) })(world);
  await write(world);
  return { world, relay: await world.startRelay() };
}

/** Waits for a measurement of the relay that is younger than what was written. */
async function assertSame(world: FaultWorld, relay: RunningRelay, expected: Partial<Figures>): Promise<void> {
  await eventually(
    async () => {
      const page = await relay.read('/status');
      const metrics = await relay.read('/metrics');
      const { json } = await world.outboxctl();
      const { stdout: text } = await runOutboxctl(world.env, 'status');
      const seen = figuresOfPage(page);
      const { relayIds, ...figures } = seen;
      for (const [name, value] of Object.entries(expected)) {
        assert.deepEqual(figures[name as keyof Figures], value, name);
      }
      assert.deepEqual(figures, figuresOfJson(json, text));
      assert.deepEqual(
        relayIds,
        json.relays.map(({ id }: Parsed) => id),
      );
      assertMetricsTell(samplesOf(metrics), figures, json);
      assertFindingsAreSame(page, metrics, json);
    },
    { intervalMs: 250 },
  );
}

/** What `outboxctl status` says; how old the oldest is, as people read it. */
function figuresOfJson(json: Parsed, text: string): Figures {
  const [, oldest = ''] = /pending, the oldest (.*?) ·/.exec(text) ?? [];
  assert.equal(text.includes(' about '), json.pending_events_capped);
  return {
    pending: json.pending_events,
    estimated: json.pending_events_capped,
    oldest,
    relays: json.relays.length,
    parkedKeys: json.parked_keys,
    partitions: json.partitions.map((one: Parsed) => ({
      partition: one.partition,
      pending: one.pending_events,
      mode: one.mode,
      owner: one.owner ?? undefined,
      paging: one.page_target !== null,
    })),
  };
}

function assertMetricsTell(samples: ReadonlyMap<string, number>, figures: Figures, json: Parsed): void {
  const running = figures.partitions.filter(({ mode }) => mode === 'running');
  const told = {
    outbox_pending_events: figures.pending,
    outbox_pending_events_estimated: Number(figures.estimated),
    outbox_relays_alive: figures.relays,
    outbox_parked_keys: figures.parkedKeys,
    outbox_parked_events: json.parked_events,
    outbox_replays_running: json.unfinished_replays,
    outbox_partitions_unowned: running.filter(({ owner }) => owner === undefined).length,
    outbox_partitions_not_running: figures.partitions.length - running.length,
    ...Object.fromEntries(
      figures.partitions.map((one) => [
        `outbox_partition_pending_events{partition="${one.partition}"}`,
        one.pending,
      ]),
    ),
  };
  for (const [name, value] of Object.entries(told)) assert.equal(samples.get(name), value, name);
  const ages: [string, number][] = [
    ['outbox_oldest_pending_age_seconds', json.oldest_pending_age_seconds],
    ...json.partitions.flatMap((one: Parsed): [string, number][] => [
      [
        `outbox_partition_oldest_pending_age_seconds{partition="${one.partition}"}`,
        one.oldest_pending_age_seconds,
      ],
      [`outbox_partition_checkpoint_age_seconds{partition="${one.partition}"}`, one.checkpoint_age_seconds],
    ]),
  ];
  // They grow between two looks.
  for (const [name, age] of ages)
    assert.ok(Math.abs((samples.get(name) ?? NaN) - age) < 30, `${name} ${age}`);
}

/** What a relay halts for is `halted` there, and has a name of its own at the command, which looks at the database as well. */
function assertFindingsAreSame(page: string, metrics: string, json: Parsed): void {
  const told: Parsed[] = json.findings;
  const foreign = told.find(({ name }) => name === 'wrong-database');
  const halted = told.find(({ name }) => name === 'halted');
  assert.equal(halted?.text, foreign?.text);
  const counted = [...metrics.matchAll(/^outbox_findings\{name="([^"]*)",severity="([^"]*)"[^}]*\} 1$/gm)];
  assert.deepEqual(
    new Set(counted.map(([, name, severity]) => `${name} ${severity}`)),
    new Set(told.filter((one) => one !== foreign).map(({ name, severity }) => `${name} ${severity}`)),
  );
  const words = textOf(page).replaceAll(/\s+/g, ' ');
  for (const { text } of told) {
    // The page has but one name for what both look at.
    const said = text.replaceAll('`', '').replace(': wrong-database, halted', ': halted');
    assert.ok(words.includes(said), said);
  }
}

test('of live, dead and late relays, paused partitions, a backlog, parked events and a replay, all say the same', async (t) => {
  const { world, relay } = await setup(t, 5, async ({ state }) => {
    await writePartitions(state);
    const [first] = await appendEvents(state, ['a']);
    const { pool } = state;
    await pool.query(
      `UPDATE relay_partition SET cursor = pg_current_snapshot(), epoch = 7, log_offset = 12345,
         owner = CASE partition WHEN 1 THEN 'dead' WHEN 2 THEN NULL ELSE 'live' END,
         lease_until = CASE partition WHEN 1 THEN now() - interval '2 min' WHEN 2 THEN NULL ELSE now() + interval '1 h' END,
         mode = CASE partition WHEN 2 THEN 'paused' WHEN 3 THEN 'draining' ELSE 'running' END`,
    );
    const events = await appendEvents(state, ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'b', 'c']);
    await pool.query(
      `UPDATE relay_partition SET page_target = pg_current_snapshot(), page_seq = $1, page_end = $2 WHERE partition = 4`,
      [events[4]!.seq, events[9]!.seq],
    );
    await pool.query(`UPDATE outbox SET created_at = now() - interval '2 h 5 min 1 s'`);
    for (const event of [first!, ...events.slice(8)]) await park(state, event, 'MESSAGE_TOO_LARGE');
    // Alive for as long as a lease lasts, which is longer than a page that had a limit of its own would have said.
    await pool.query(
      `INSERT INTO relay_instance VALUES ('live', now()), ('idle', now() - interval '20 s'), ('gone', now() - interval '5 min'),
         ('ahead', now() + interval '1 h')`,
    );
    await pool.query(
      `WITH request AS (INSERT INTO replay_request (from_seq, to_seq) VALUES (1, 9) RETURNING replay_id)
       INSERT INTO replay_partition (replay_id, partition, finished_at, published_events)
       SELECT replay_id, partition, CASE partition WHEN 0 THEN now() END, 3 FROM request, generate_series(0, 1) AS partition`,
    );
  });
  await assertSame(world, relay, { estimated: false, oldest: '2 h 5 min', relays: 2, parkedKeys: 3 });
});

test('of a backlog that is too large to be counted, all say the same', async (t) => {
  const { world, relay } = await setup(t, 2, async ({ state }) => {
    await writePartitions(state);
    await state.pool.query(
      `INSERT INTO outbox (key, key_hash, event_id, event_type, payload, created_at)
       SELECT 'key', place, gen_random_uuid(), 'order.updated', '{}', now() - interval '3 d 4 h 10 min'
       FROM generate_series(1, 30000) AS place`,
    );
  });
  await assertSame(world, relay, { estimated: true, oldest: '3 d 4 h', relays: 0 });
});

test('before any relay has found the topic, all say the same', async (t) => {
  const { world, relay } = await setup(t, 1, async ({ state }) => {
    await appendEvents(state, ['a', 'b', 'c']);
    await state.pool.query(`UPDATE outbox SET created_at = now() - interval '2 h 5 min 1 s'`);
  });
  await assertSame(world, relay, { pending: 3, oldest: '2 h 5 min', relays: 0, partitions: [] });
});
