import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { migrateToLatest } from '@order-events/database';
import pg from 'pg';
import { startLossyProxy } from '../../packages/messaging/testing/lossy-proxy.ts';
import type { EmbeddedPostgres } from '../../tools/stack/index.ts';
import { eventually } from './eventually.ts';
import { startPostgres } from './own-servers.ts';

/** A primary and its standby, by streaming replication, behind one address, as people who fail over have it. */
export interface PostgresPair {
  /** Of whichever of the two the address stands for. */
  readonly url: string;
  readonly primary: EmbeddedPostgres;
  readonly standby: EmbeddedPostgres;
  /** From now on commits wait for the standby. */
  waitForStandby(): Promise<void>;
  /** New connections go to the standby. */
  moveAddress(): void;
  /** The standby becomes a primary. */
  promote(): Promise<void>;
}

const STANDBY = 'standby';

/** Migrated, and streaming. */
export async function startPostgresPair(t: TestContext): Promise<PostgresPair> {
  const directory = await mkdtemp(join(tmpdir(), 'order-events-pair-'));
  await chmod(directory, 0o755);
  const [dataDir, copy] = [join(directory, 'primary'), join(directory, 'standby')];
  const primary = await startPostgres(t, { dataDir });
  await migrateToLatest(primary.url);
  await primary.stop();
  // Owners included: the server runs as another user.
  await promisify(execFile)('cp', ['-a', dataDir, copy]);
  await writeFile(join(copy, 'standby.signal'), '');
  await primary.restart();
  const standby = await startPostgres(t, {
    dataDir: copy,
    settings: {
      primary_conninfo: `host=127.0.0.1 port=${primary.port} user=postgres application_name=${STANDBY}`,
    },
  });
  t.after(() => rm(directory, { recursive: true, force: true }));
  const query = async (url: string, text: string) => {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => {});
    await client.connect();
    try {
      return (await client.query<{ answer: unknown }>(text)).rows[0]?.answer;
    } finally {
      await client.end();
    }
  };
  const isSo = (url: string, condition: string) =>
    eventually(async () => {
      if ((await query(url, `SELECT ${condition} AS answer`)) !== true) throw new Error(`not ${condition}`);
    });
  const standbyHas = (column: string, value: string) =>
    isSo(primary.url, `EXISTS (SELECT FROM pg_stat_replication WHERE ${column} = '${value}')`);
  await standbyHas('state', 'streaming');

  const address = await startLossyProxy(t);
  address.forwardTo(primary.port);
  return {
    url: primary.url.replace(`:${primary.port}/`, `:${address.port}/`),
    primary,
    standby,
    async waitForStandby() {
      await query(primary.url, `ALTER SYSTEM SET synchronous_standby_names = '${STANDBY}'`);
      await query(primary.url, 'SELECT pg_reload_conf()');
      await standbyHas('sync_state', 'sync');
    },
    moveAddress: () => address.forwardTo(standby.port),
    async promote() {
      await query(standby.url, 'SELECT pg_promote(wait => false)');
      await isSo(standby.url, 'NOT pg_is_in_recovery()');
    },
  };
}
