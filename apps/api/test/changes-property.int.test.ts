import assert from 'node:assert/strict';
import { test } from 'node:test';
import type pg from 'pg';
import { runWriters } from '../../../packages/outbox/testing/outbox-workload.ts';
import { createChangesPoller } from '../testing/changes-poller.ts';
import { startApi } from '../testing/order-client.ts';

/** Someone who wants to know the version of each order, and asks now and then. */
interface Poller {
  readonly versions: ReadonlyMap<string, number>;
  poll(): Promise<unknown>;
}

/** SQL: what has changed since `$1`, a text, with the text of the next time. */
const RULES = {
  'by the time of the change': `SELECT id, version, (SELECT max(updated_at)::text FROM orders) AS next
    FROM orders WHERE updated_at > $1::timestamptz`,
  'by the number of the event': `SELECT orders.id, version, (SELECT max(seq)::text FROM outbox) AS next
    FROM outbox JOIN orders ON orders.id = key::uuid WHERE seq > $1::bigint`,
  'by the snapshot without those in progress': `SELECT orders.id, version,
      format('%s:%1$s:', pg_snapshot_xmax(pg_current_snapshot())) AS next
    FROM outbox JOIN orders ON orders.id = key::uuid WHERE NOT pg_visible_in_snapshot(xid, $1::pg_snapshot)`,
  'below the oldest transaction in progress': `SELECT orders.id, version,
      pg_snapshot_xmin(pg_current_snapshot())::text AS next
    FROM outbox JOIN orders ON orders.id = key::uuid
    WHERE xid >= $1::xid8 AND xid < pg_snapshot_xmin(pg_current_snapshot())`,
};
const AT_START = {
  'by the time of the change': '2000-01-01Z',
  'by the number of the event': '0',
  'by the snapshot without those in progress': '3:3:',
  'below the oldest transaction in progress': '3',
};

/** Begins with what is known already. */
function pollerByRule(pool: pg.Pool, rule: keyof typeof RULES, known: ReadonlyMap<string, number>): Poller {
  const versions = new Map(known);
  let since = AT_START[rule];
  return {
    versions,
    async poll() {
      const { rows } = await pool.query<{ id: string; version: number; next: string }>(RULES[rule], [since]);
      for (const { id, version } of rows) versions.set(id, version);
      since = rows[0]?.next ?? since;
    },
  };
}

async function committedVersions(pool: pg.Pool): Promise<Map<string, number>> {
  const { rows } = await pool.query<{ id: string; version: number }>('SELECT id, version FROM orders');
  return new Map(rows.map(({ id, version }) => [id, version]));
}

/** Orders of which less is known than was committed. */
function behind(known: ReadonlyMap<string, number>, committed: ReadonlyMap<string, number>): number {
  return [...committed].filter(([id, version]) => (known.get(id) ?? 0) < version).length;
}

/** So many that one which was missed is seldom changed again, and so made good, before it is noticed. */
const ORDERS = 1000;
/** The writers of the outbox's tests change orders through it, each with a time as the API gives it. */
const HOT_ORDERS = `
  INSERT INTO orders SELECT gen_random_uuid(), 'c-1', 'pending', 1, 'EUR', '[]', 0, now(), now() FROM generate_series(1, ${ORDERS});
  CREATE VIEW hot_order AS SELECT id::text AS order_id, version FROM orders;
  CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN NEW.updated_at := greatest(NEW.updated_at, date_trunc('milliseconds', statement_timestamp())); RETURN NEW; END $$;
  CREATE TRIGGER touch BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION touch();`;

const ENOUGH_POLLS = 60;
const MOST_POLLS = 1000;

test('whatever commits late, who asks by changes_token knows what was committed before; four other rules do not', async (t) => {
  const { databaseUrl, place, send, pool } = await startApi(t);
  await pool.query(HOT_ORDERS);
  const placed = await committedVersions(pool);
  const pollers = new Map<string, Poller>([
    ['API, in small pages', createChangesPoller({ send }, 20)],
    ['API, in one page', createChangesPoller({ send }, 500)],
  ]);
  for (const rule of Object.keys(RULES) as (keyof typeof RULES)[]) {
    pollers.set(rule, pollerByRule(pool, rule, placed));
  }
  const missed = new Map([...pollers.keys()].map((name) => [name, 0]));
  const pollAll = async () => {
    for (const [name, poller] of pollers) {
      const committed = await committedVersions(pool);
      await poller.poll();
      missed.set(name, (missed.get(name) ?? 0) + behind(poller.versions, committed));
    }
  };
  const rulesThatHold = () => Object.keys(RULES).filter((rule) => missed.get(rule) === 0);

  const stop = new AbortController();
  const written = runWriters(databaseUrl, [...placed.keys()], 12, stop.signal, {
    prepared: 3,
    paceMs: 20,
  });
  for (let polls = 0; polls < MOST_POLLS; polls += 1) {
    if (polls >= ENOUGH_POLLS && rulesThatHold().length === 0) break;
    await pollAll();
    if (polls % 10 === 0) await place();
  }
  stop.abort();
  await written;
  await pollAll();

  t.diagnostic(JSON.stringify(Object.fromEntries(missed)));
  const committed = await committedVersions(pool);
  for (const name of ['API, in small pages', 'API, in one page']) {
    assert.equal(missed.get(name), 0, name);
    assert.deepEqual(pollers.get(name)?.versions, committed, name);
  }
  assert.deepEqual(rulesThatHold(), []);
});
