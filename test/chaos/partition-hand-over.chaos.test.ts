import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createTestDatabase, createTestTopic, eventually, startApp } from '../harness/index.ts';
import { startLoad } from '../harness/load.ts';
import { appEnv } from '../harness/order-apps.ts';
import { type OwnerChange, recordOwnerChanges } from '../harness/owner-changes.ts';
import { assertTopicHoldsAll } from '../harness/topic-holds.ts';

const PARTITIONS = 12;
const ROUNDS = 4;
/** Round trips to the database that a hand-over waits for: notification, look, acquisition; and some to be generous. */
const ROUND_TRIPS = 10;

async function setup(t: TestContext, leaseMs: number) {
  const { url: databaseUrl } = await createTestDatabase(t);
  const { brokers, topic } = await createTestTopic(t, { partitions: PARTITIONS });
  const env = appEnv({ databaseUrl, brokers, topic, env: { RELAY_LEASE_MS: String(leaseMs) } });
  const owners = await recordOwnerChanges(databaseUrl);
  t.after(() => owners.end());
  const api = await startApp(t, 'api', env.api);
  const load = startLoad(t, { apiUrl: api.urls.http, workers: 8, changesPerSecond: 150 });
  const startRelay = async () => {
    const before = await owners.now();
    const relay = await startApp(t, 'relay', env.relay);
    // From the first one, or the half of its only peer.
    await eventually(async () => {
      const taken = (await owners.changesSince(before.atMs)).filter((change) => change.owner !== null);
      assert.ok(taken.length >= PARTITIONS / 2);
    });
    return relay;
  };
  return {
    owners,
    startRelay,
    async finish() {
      await load.stop();
      assert.deepEqual(load.failures, []);
      await assertTopicHoldsAll({ databaseUrl, brokers, topic });
    },
  };
}

/** When each partition of a relay that ends was left without an owner, and when it had one again. */
function takeOvers(changes: readonly OwnerChange[]) {
  return changes
    .filter((change) => change.owner !== null)
    .map((taken) => {
      const released = changes.find(
        (change) =>
          change.owner === null && change.partition === taken.partition && change.atMs <= taken.atMs,
      );
      return { releasedAtMs: released?.atMs, takenAtMs: taken.atMs };
    });
}

test('a relay that is stopped leaves no partition without an owner for long', async (t) => {
  const { owners, startRelay, finish } = await setup(t, 10_000);
  let leaving = await startRelay();
  const gapsMs: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const staying = await startRelay();
    const { atMs } = await owners.now();
    let worstRoundTripMs = 0;
    leaving.kill('SIGTERM');
    const taken = await eventually(async () => {
      const { roundTripMs } = await owners.now();
      worstRoundTripMs = Math.max(worstRoundTripMs, roundTripMs);
      const found = takeOvers(await owners.changesSince(atMs));
      assert.equal(found.length, PARTITIONS / 2);
      return found;
    });
    const gaps = taken.map(({ releasedAtMs, takenAtMs }) => takenAtMs - (releasedAtMs ?? NaN));
    const boundMs = 300 + ROUND_TRIPS * worstRoundTripMs;
    for (const gapMs of gaps) assert.ok(gapMs <= boundMs, `${gapMs} ms without an owner`);
    gapsMs.push(...gaps);
    assert.deepEqual(await leaving.exited, { code: 0, signal: null });
    leaving = staying;
  }
  const sorted = gapsMs.toSorted((a, b) => a - b).map(Math.round);
  t.diagnostic(`without an owner: median ${sorted[sorted.length >> 1]} ms, longest ${sorted.at(-1)} ms`);
  await finish();
});

test('what a killed relay owned has an owner again a second after its lease at the latest', async (t) => {
  const leaseMs = 3000;
  const { owners, startRelay, finish } = await setup(t, leaseMs);
  let dying = await startRelay();
  const delays: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const staying = await startRelay();
    const { atMs } = await owners.now();
    let worstRoundTripMs = 0;
    dying.kill('SIGKILL');
    const taken = await eventually(async () => {
      const { roundTripMs } = await owners.now();
      worstRoundTripMs = Math.max(worstRoundTripMs, roundTripMs);
      const found = takeOvers(await owners.changesSince(atMs));
      assert.equal(found.length, PARTITIONS / 2);
      return found;
    });
    for (const { takenAtMs } of taken) {
      const delayMs = takenAtMs - atMs;
      delays.push(delayMs);
      assert.ok(delayMs <= leaseMs + 1000 + ROUND_TRIPS * worstRoundTripMs, `taken after ${delayMs} ms`);
    }
    dying = staying;
  }
  const sorted = delays.toSorted((a, b) => a - b).map(Math.round);
  t.diagnostic(`owned again after: median ${sorted[sorted.length >> 1]} ms, longest ${sorted.at(-1)} ms`);
  await finish();
});
