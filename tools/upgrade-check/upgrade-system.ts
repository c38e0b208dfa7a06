import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { ORDER_TOPIC } from '../stack/order-system.ts';
import { startEmbeddedKafka, startEmbeddedPostgres } from '../stack/index.ts';
import type { Kind, Release } from './replicas.ts';

const PARTITIONS = 12;
/** Short, so that streams often end by themselves and go on at the other gateway. */
const MAX_WATCH_AGE_MS = 5_000;

const JOBS = {
  migrate: 'packages/database/src/migrate-main.ts',
  topics: 'apps/topics/src/main.ts',
} as const;

/** Real servers, and what the processes of both releases are told of them. */
export interface UpgradeSystem {
  readonly databaseUrl: string;
  readonly brokers: readonly string[];
  readonly settings: Readonly<Record<Kind, Readonly<Record<string, string>>>>;
  /** Runs a job of a release, and rejects with what it said when it fails. */
  run(job: keyof typeof JOBS, release: Release): Promise<string>;
  /** Process ids of the relays that have partitions, with the valid lease of each partition. */
  leaseHolders(): Promise<number[]>;
}

export async function startUpgradeSystem(
  folders: Readonly<Record<Release, string>>,
  after: (cleanUp: () => Promise<unknown>) => void,
): Promise<UpgradeSystem> {
  const postgres = await startEmbeddedPostgres();
  after(() => postgres.stop());
  const kafka = await startEmbeddedKafka();
  after(() => kafka.stop());
  const database = new pg.Pool({ connectionString: postgres.url, max: 1 });
  after(() => database.end());
  const access = { DATABASE_URL: postgres.url };
  const topic = { KAFKA_BROKERS: kafka.brokers.join(), KAFKA_TOPIC: ORDER_TOPIC };
  return {
    databaseUrl: postgres.url,
    brokers: kafka.brokers,
    settings: {
      api: access,
      relay: { ...access, ...topic },
      'stream-gateway': { ...topic, GATEWAY_MAX_WATCH_AGE_MS: String(MAX_WATCH_AGE_MS) },
    },
    async run(job, release) {
      const { stdout } = await promisify(execFile)(process.execPath, [join(folders[release], JOBS[job])], {
        cwd: folders[release],
        env: { PATH: process.env['PATH'], ...access, ...topic, KAFKA_TOPIC_PARTITIONS: String(PARTITIONS) },
      });
      return stdout.trim();
    },
    async leaseHolders() {
      const { rows } = await database.query<{ owner: string | null }>(
        'SELECT CASE WHEN lease_until > clock_timestamp() THEN owner END AS owner FROM relay_partition',
      );
      // The name is host-pid-random; a partition without an owner counts as one that nobody knows.
      return rows.map(({ owner }) => Number(owner?.split('-').at(-2) ?? 0));
    },
  };
}
