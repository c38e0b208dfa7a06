import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AppProcess } from '../../tools/stack/index.ts';
import { createTestDatabase, createTestTopic, eventually, startApp } from '../harness/index.ts';
import { startLoad } from '../harness/load.ts';
import { appEnv } from '../harness/order-apps.ts';
import { assertTopicHoldsAll } from '../harness/topic-holds.ts';

const FREEZES = 4;

function linesOf(relay: AppProcess, message: string): number {
  return relay.logs().filter((line) => line.msg === message).length;
}

test('a relay frozen past its lease and woken under load does not publish beside its successor', async (t) => {
  const { url: databaseUrl } = await createTestDatabase(t);
  const { brokers, topic } = await createTestTopic(t);
  const env = appEnv({ databaseUrl, brokers, topic });
  const api = await startApp(t, 'api', env.api);
  let owner = await startApp(t, 'relay', env.relay);
  await eventually(() => assert.equal(linesOf(owner, 'took over'), 1));
  let successor = await startApp(t, 'relay', env.relay);
  const load = startLoad(t, { apiUrl: api.urls.http, workers: 16, changesPerSecond: 300 });

  for (let freeze = 0; freeze < FREEZES; freeze++) {
    const takeOvers = linesOf(successor, 'took over');
    const losses = linesOf(owner, 'lost the lease');
    owner.kill('SIGSTOP');
    await eventually(() => assert.equal(linesOf(successor, 'took over'), takeOvers + 1), {
      deadlineMs: 15_000,
    });
    owner.kill('SIGCONT');
    await eventually(() => assert.ok(linesOf(owner, 'lost the lease') > losses));
    [owner, successor] = [successor, owner];
  }
  await load.stop();
  assert.deepEqual(load.failures, []);
  await assertTopicHoldsAll({ databaseUrl, brokers, topic });
});
