import { type Logger, type Part, sleep } from '@order-events/runtime';
import type { Pool } from 'pg';
import type { RelayMetrics } from '../relay-metrics.ts';
import { CURSOR_AT_START, parseSnapshot } from './cursor.ts';

export interface BacklogReporterOptions {
  readonly pool: Pool;
  readonly metrics: Pick<RelayMetrics, 'pendingEvents' | 'oldestPendingAge'>;
  readonly log: Logger;
  readonly intervalMs: number;
}

/** Counting stops here: an exact count of a huge backlog is not worth reading all of it. */
const COUNT_LIMIT = 1_000_000;

/**
 * Measures what is committed and not published, from the stored checkpoints of all partitions: also while Kafka is away and while
 * no relay owns a partition. Logs when a backlog appears and when it is gone.
 */
export function createBacklogReporter(options: BacklogReporterOptions): Part {
  const { pool, metrics, log } = options;
  const stopping = new AbortController();
  let loop: Promise<void> | undefined;
  let waiting = false;

  async function report(): Promise<void> {
    const snapshot = await oldestStoredSnapshot(pool);
    const { pending, oldestAgeSeconds } = await measure(pool, snapshot);
    metrics.pendingEvents.set(pending);
    metrics.oldestPendingAge.set(oldestAgeSeconds);
    // Within a checkpoint's age everything is normal; only what is older waits for something.
    const waitsNow = oldestAgeSeconds * 1000 > 2 * options.intervalMs;
    if (waitsNow) log.warn({ pending, oldestAgeSeconds }, 'events wait to be published');
    else if (waiting) log.info({ pending }, 'the backlog is published');
    waiting = waitsNow;
  }

  return {
    name: 'backlog reporter',
    async start() {
      loop = (async () => {
        while (!stopping.signal.aborted) {
          try {
            await report();
          } catch (error) {
            log.warn({ reason: String(error) }, 'could not measure the backlog');
          }
          await sleep(options.intervalMs, stopping.signal);
        }
      })();
    },
    async stop() {
      stopping.abort();
      await loop;
    },
  };
}

async function oldestStoredSnapshot(pool: Pool): Promise<string> {
  const { rows } = await pool.query<{ cursor: string }>(
    'SELECT cursor::text FROM relay_partition ORDER BY pg_snapshot_xmin(cursor), pg_snapshot_xmax(cursor) LIMIT 1',
  );
  return rows[0]?.cursor ?? CURSOR_AT_START.snapshot;
}

async function measure(pool: Pool, snapshot: string): Promise<{ pending: number; oldestAgeSeconds: number }> {
  const { xmax, inProgress } = parseSnapshot(snapshot);
  const { rows } = await pool.query<{ pending: string; age: string | null }>(
    `WITH pending AS MATERIALIZED (
       (SELECT created_at FROM outbox WHERE xid >= $1::xid8 ORDER BY xid LIMIT ${COUNT_LIMIT})
       UNION ALL
       (SELECT created_at FROM outbox WHERE xid = ANY($2::xid8[]) LIMIT ${COUNT_LIMIT}))
     SELECT count(*) AS pending, extract(epoch FROM clock_timestamp() - min(created_at)) AS age FROM pending`,
    [xmax, inProgress],
  );
  return { pending: Number(rows[0]?.pending ?? 0), oldestAgeSeconds: Math.max(0, Number(rows[0]?.age ?? 0)) };
}
