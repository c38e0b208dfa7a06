import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { migrateToLatest } from '@order-events/database';
import { ensureTopic } from '@order-events/messaging';
import { committedChanges } from '../../test/harness/committed-changes.ts';
import {
  createTestDatabase,
  createTestTopic,
  eventually,
  startKafka,
  startPostgres,
} from '../../test/harness/index.ts';
import { startLoad } from '../../test/harness/load.ts';
import { startOrderApps } from '../../test/harness/order-apps.ts';
import { silences } from '../../test/harness/silences.ts';
import { assertTopicHoldsAll } from '../../test/harness/topic-holds.ts';
import type { EmbeddedPostgres } from '../stack/index.ts';
import { mountSmallDisk, type SmallDisk } from './small-disk.ts';

// Disks that are full or fail, under the servers, on file systems of their own: needs root. `make disk-check` runs it.

const POSTGRES_MB = 200;
const LOG_MB = 150;
const KAFKA_MB = 200;
const SMALL_WAL = { min_wal_size: '32MB', max_wal_size: '32MB' };

interface System {
  readonly databaseUrl: string;
  readonly brokers: readonly string[];
  readonly topic: string;
}

/** The product under load, and what must be true of it afterwards. */
async function startLoaded(t: TestContext, system: System) {
  const { api, relay, gateway } = await startOrderApps(t, system);
  const accepting = silences();
  const load = startLoad(t, {
    ...{ apiUrl: api.urls.http, workers: 8, changesPerSecond: 200 },
    onAccepted: () => accepting.heard(),
  });
  const goesOn = async (meanwhile?: () => Promise<unknown>) => {
    const before = load.accepted.length;
    await eventually(async () => {
      await meanwhile?.();
      assert.ok(load.accepted.length > before + 100);
    });
  };
  await goesOn();
  return {
    ...{ api, goesOn },
    /** Waits until changes are refused; `meanwhile` keeps up why. */
    isRefused(meanwhile: () => Promise<unknown>) {
      const before = load.failures.length;
      return eventually(async () => {
        await meanwhile();
        assert.ok(load.failures.length > before + 8);
      });
    },
    async isWhole(mendedMs: number, mostRefused = Infinity) {
      await load.stop();
      assert.ok(load.failures.length <= mostRefused, load.failures[0]);
      for (const failure of load.failures) {
        assert.match(failure, /: 503 .*"code":"(service_unavailable|overloaded|read_only)"/);
      }
      const events = await assertTopicHoldsAll(system);
      const committed = await committedChanges(system.databaseUrl);
      const kept = new Set(committed.map(({ orderId, version }) => `${orderId}/${version}`));
      const lost = load.accepted.filter(({ orderId, version }) => !kept.has(`${orderId}/${version}`));
      assert.deepEqual(lost, []);
      for (const app of [api, relay, gateway]) {
        await eventually(async () => assert.ok((await fetch(`${app.urls.admin}/readyz`)).ok));
      }
      t.diagnostic(
        `${load.accepted.length} changes accepted, ${load.failures.length} refused, ${events} events; longest silence of accepted ` +
          `changes ${seconds(accepting.longest())}; accepted again ${seconds(accepting.firstAfter(mendedMs))} after it was mended`,
      );
    },
  };
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

/** Room for all that a server writes, as far as this machine has any. */
async function largeDisk(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'order-events-large-disk-'));
  await chmod(path, 0o755);
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** Tables and write-ahead log on disks of their own: what is seen then is of one of them. */
async function startPostgresOn(
  t: TestContext,
  paths: { readonly tables: string; readonly log: string },
): Promise<EmbeddedPostgres> {
  const dataDir = join(paths.tables, 'data');
  const postgres = await startPostgres(t, { dataDir, settings: SMALL_WAL });
  await migrateToLatest(postgres.url);
  await postgres.stop();
  const logs = [join(dataDir, 'pg_wal'), join(paths.log, 'pg_wal')];
  await promisify(execFile)('sh', ['-c', 'cp -a "$1" "$2" && rm -r "$1" && ln -s "$2" "$1"', 'sh', ...logs]);
  await postgres.restart();
  return postgres;
}

async function startSystem(t: TestContext, postgres: EmbeddedPostgres) {
  const { brokers, topic } = await createTestTopic(t);
  return await startLoaded(t, { databaseUrl: postgres.url, brokers, topic });
}

void test('the disk of the tables is full: changes are refused with 503, orders can be read, all goes on when there is room', async (t) => {
  const disk = await mountSmallDisk(t, POSTGRES_MB);
  const postgres = await startPostgresOn(t, { tables: disk.path, log: await largeDisk(t) });
  const { api, goesOn, isRefused, isWhole } = await startSystem(t, postgres);

  await isRefused(() => disk.fill());
  assert.equal((await fetch(`${api.urls.http}/orders`)).status, 200);
  assert.ok(api.logs().some(({ reason }) => /No space left on device/.test(String(reason))));
  await disk.free();
  const mendedMs = performance.now();
  assert.notEqual(postgres.pid, undefined);
  await goesOn();
  await isWhole(mendedMs);
});

void test('the disk of the tables fails and is read-only: changes are refused with 503, all goes on when it is repaired', async (t) => {
  const disk = await mountSmallDisk(t, POSTGRES_MB);
  const postgres = await startPostgresOn(t, { tables: disk.path, log: await largeDisk(t) });
  // A cluster is made without waiting for the disk; all later is the server's to wait for.
  await disk.sync();
  const { goesOn, isRefused, isWhole } = await startSystem(t, postgres);

  await disk.fail();
  await isRefused(async () => {});
  await postgres.kill();
  await disk.repair();
  const mendedMs = performance.now();
  await postgres.restart();
  await goesOn();
  await isWhole(mendedMs);
});

void test('the disk of the write-ahead log is full, and Postgres panics: changes are refused with 503, all goes on when there is room', async (t) => {
  const disk = await mountSmallDisk(t, LOG_MB);
  const postgres = await startPostgresOn(t, { tables: await largeDisk(t), log: disk.path });
  const { api, goesOn, isRefused, isWhole } = await startSystem(t, postgres);

  await isRefused(() => disk.fill());
  await eventually(async () => assert.equal((await fetch(`${api.urls.admin}/readyz`)).status, 503));
  await disk.free();
  const mendedMs = performance.now();
  // It recovers by itself, unless the recovery had no room either: then it has ended.
  await goesOn(async () => {
    if (postgres.pid === undefined) await postgres.restart();
  });
  await isWhole(mendedMs);
});

const KAFKA_FAULTS = {
  'is full': {
    strike: (disk: SmallDisk) => disk.fill(),
    mend: (disk: SmallDisk) => disk.free(),
  },
  'fails and is read-only': {
    strike: (disk: SmallDisk) => disk.fail(),
    mend: (disk: SmallDisk) => disk.repair(),
  },
};

for (const [what, { strike, mend }] of Object.entries(KAFKA_FAULTS)) {
  void test(`the disk of Kafka's only broker ${what}, and it ends: no change is refused, and what waits is published once and in order when it is back`, async (t) => {
    const disk = await mountSmallDisk(t, KAFKA_MB);
    const kafka = await startKafka(t, { dataDir: join(disk.path, 'data') });
    const { url: databaseUrl } = await createTestDatabase(t);
    const system = { databaseUrl, brokers: kafka.brokers, topic: 'orders.events' };
    await ensureTopic(
      { brokers: kafka.brokers, clientId: 'test' },
      { topic: system.topic, partitions: 12, replicationFactor: 1 },
    );
    await disk.sync();
    const { goesOn, isWhole } = await startLoaded(t, system);

    await eventually(async () => {
      if (kafka.pid !== undefined) await strike(disk);
      assert.equal(kafka.pid, undefined, 'the broker still runs');
    });
    await goesOn();
    await mend(disk);
    const mendedMs = performance.now();
    await kafka.start();
    await goesOn();
    await isWhole(mendedMs, 0);
  });
}
