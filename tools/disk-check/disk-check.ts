import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { migrateToLatest } from '@order-events/database';
import { committedChanges } from '../../test/harness/committed-changes.ts';
import { createTestTopic, eventually, startPostgres } from '../../test/harness/index.ts';
import { startLoad } from '../../test/harness/load.ts';
import { startOrderApps } from '../../test/harness/order-apps.ts';
import { silences } from '../../test/harness/silences.ts';
import { assertTopicHoldsAll } from '../../test/harness/topic-holds.ts';
import type { EmbeddedPostgres } from '../stack/index.ts';
import { mountSmallDisk, type SmallDisk } from './small-disk.ts';

// Disks that are full or fail, under the servers, on file systems of their own: needs root. `make disk-check` runs it.

const POSTGRES_MB = 200;
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
  const goesOn = async () => {
    const before = load.accepted.length;
    await eventually(() => assert.ok(load.accepted.length > before + 100));
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
    async isWhole(mendedMs: number) {
      await load.stop();
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

/** Its log is elsewhere: Postgres ends when that cannot be written, and nothing would be seen of the tables. */
async function startPostgresOn(t: TestContext, disk: SmallDisk): Promise<EmbeddedPostgres> {
  const elsewhere = await mkdtemp(join(tmpdir(), 'order-events-large-disk-'));
  await chmod(elsewhere, 0o755);
  const dataDir = join(disk.path, 'data');
  const postgres = await startPostgres(t, { dataDir, settings: SMALL_WAL });
  t.after(() => rm(elsewhere, { recursive: true, force: true }));
  await migrateToLatest(postgres.url);
  await postgres.stop();
  const paths = [join(dataDir, 'pg_wal'), join(elsewhere, 'pg_wal')];
  await promisify(execFile)('sh', ['-c', 'cp -a "$1" "$2" && rm -r "$1" && ln -s "$2" "$1"', 'sh', ...paths]);
  await postgres.restart();
  return postgres;
}

void test('the disk of the tables is full: changes are refused with 503, orders can be read, all goes on when there is room', async (t) => {
  const disk = await mountSmallDisk(t, POSTGRES_MB);
  const postgres = await startPostgresOn(t, disk);
  const { brokers, topic } = await createTestTopic(t);
  const system = { databaseUrl: postgres.url, brokers, topic };
  const { api, goesOn, isRefused, isWhole } = await startLoaded(t, system);

  await isRefused(() => disk.fill());
  assert.equal((await fetch(`${api.urls.http}/orders`)).status, 200);
  assert.ok(api.logs().some(({ err }) => (err as { code?: unknown } | undefined)?.code === '53100'));
  await disk.free();
  const mendedMs = performance.now();
  assert.notEqual(postgres.pid, undefined);
  await goesOn();
  await isWhole(mendedMs);
});

void test('the disk of the tables fails and is read-only: changes are refused with 503, all goes on when it is repaired', async (t) => {
  const disk = await mountSmallDisk(t, POSTGRES_MB);
  const postgres = await startPostgresOn(t, disk);
  const { brokers, topic } = await createTestTopic(t);
  const system = { databaseUrl: postgres.url, brokers, topic };
  const { goesOn, isRefused, isWhole } = await startLoaded(t, system);

  await disk.fail();
  await isRefused(async () => {});
  await postgres.kill();
  await disk.repair();
  const mendedMs = performance.now();
  await postgres.restart();
  await goesOn();
  await isWhole(mendedMs);
});
