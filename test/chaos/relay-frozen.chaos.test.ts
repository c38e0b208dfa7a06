import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { createTestDatabase, createTestTopic, eventually, startApp } from '../harness/index.ts';
import { startLoad } from '../harness/load.ts';
import { appEnv } from '../harness/order-apps.ts';
import { assertTopicHoldsAll } from '../harness/topic-holds.ts';

const FREEZES = 4;

test('a relay frozen past its lease and woken under load does not publish beside its successor', async (t) => {
  const { url: databaseUrl } = await createTestDatabase(t);
  const { brokers, topic } = await createTestTopic(t);
  const env = appEnv({ databaseUrl, brokers, topic });
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 1 });
  t.after(() => pool.end());
  const shares = async () => {
    const { rows } = await pool.query<{ partitions: string }>(
      `SELECT count(*)::text AS partitions FROM relay_partition WHERE lease_until > clock_timestamp() GROUP BY owner`,
    );
    return rows.map((row) => row.partitions);
  };
  const api = await startApp(t, 'api', env.api);
  const relays = [await startApp(t, 'relay', env.relay), await startApp(t, 'relay', env.relay)] as const;
  const load = startLoad(t, { apiUrl: api.urls.http, workers: 16, changesPerSecond: 300 });

  for (let freeze = 0; freeze < FREEZES; freeze++) {
    const frozen = relays[freeze % 2 === 0 ? 0 : 1];
    const losses = () => frozen.logs().filter((line) => line.msg === 'lost the lease').length;
    await eventually(async () => assert.deepEqual(await shares(), ['6', '6']));
    const lossesBefore = losses();
    frozen.kill('SIGSTOP');
    await eventually(async () => assert.deepEqual(await shares(), ['12']));
    frozen.kill('SIGCONT');
    // More where the machine is so busy that it was too late for others as well.
    await eventually(() => assert.ok(losses() >= lossesBefore + 6, `${losses() - lossesBefore} leases lost`));
  }
  await load.stop();
  assert.deepEqual(load.failures, []);
  await assertTopicHoldsAll({ databaseUrl, brokers, topic });
});
