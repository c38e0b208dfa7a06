import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startOrderLoad } from '../../tools/load/order-load.ts';
import { auditTopic } from '../../tools/load/topic-audit.ts';
import { committedChanges } from '../harness/committed-changes.ts';
import { createTestDatabase, createTestTopic, eventually, startApp } from '../harness/index.ts';
import { appEnv } from '../harness/order-apps.ts';

test('a relay frozen past its lease and woken under load does not publish beside its successor', async (t) => {
  const { url: databaseUrl } = await createTestDatabase(t);
  const { brokers, topic } = await createTestTopic(t);
  const env = appEnv({ databaseUrl, brokers, topic });
  const api = await startApp(t, 'api', env.api);
  const relays = [await startApp(t, 'relay', env.relay)];
  const load = startOrderLoad({ apiUrl: api.urls.http, workers: 16, changesPerSecond: 300 });
  const tookOver = (index: number) =>
    relays[index]?.logs().filter((line) => line.msg === 'took over').length ?? 0;
  await eventually(() => assert.equal(tookOver(0), 1));
  relays.push(await startApp(t, 'relay', env.relay));

  for (let freeze = 0; freeze < 4; freeze++) {
    const [owner, successor] = freeze % 2 === 0 ? [0, 1] : [1, 0];
    const before = tookOver(successor);
    relays[owner]?.kill('SIGSTOP');
    await eventually(() => assert.equal(tookOver(successor), before + 1), { deadlineMs: 15_000 });
    relays[owner]?.kill('SIGCONT');
    const woken = relays[owner];
    await eventually(() => assert.ok(woken?.logs().some((line) => line.msg === 'lost the lease')));
  }
  await load.stop();
  assert.deepEqual(load.failures, []);

  const committed = await committedChanges(databaseUrl);
  const audit = await eventually(
    async () => {
      const result = await auditTopic(brokers, topic, committed);
      assert.equal(result.missing, 0);
      return result;
    },
    { deadlineMs: 30_000, intervalMs: 500 },
  );
  assert.deepEqual(audit, { events: committed.length, missing: 0, duplicated: 0, outOfOrder: 0 });
});
