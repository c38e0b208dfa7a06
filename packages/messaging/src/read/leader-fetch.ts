import type { PartitionPositions } from '../cluster/log-offsets.ts';
import { pick } from './log-range.ts';
import type { BrokerConnection } from '../wire/broker-connection.ts';
import type { FetchResult, PartitionBatch } from '../wire/fetch.ts';
import type { WireRequest } from '../wire/wire-request.ts';

/**
 * Long-polls one broker for `partitions` until none is left or `signal` aborts. A partition that fails alone is taken out of the set
 * and told to `onFailure`; when the connection fails the promise rejects and the others are still in. `positions` moves when
 * `onBatch` has taken what was read.
 */
export async function fetchFromLeader(options: {
  connection: BrokerConnection;
  partitions: Set<number>;
  positions: PartitionPositions;
  request: (positions: ReadonlyMap<number, bigint>) => WireRequest<FetchResult>;
  onRead: (partition: number) => void;
  onBatch: (batch: PartitionBatch) => Promise<void>;
  onFailure: (partition: number, error: Error) => void;
  signal: AbortSignal;
}): Promise<void> {
  const { connection, partitions, positions, signal } = options;
  for (let round = 0; partitions.size > 0; round += 1) {
    const wanted = pick(positions, rotated([...partitions], round));
    const { batches, failures } = await connection.send(options.request(wanted), signal);
    for (const { partition } of batches) options.onRead(partition);
    for (const batch of batches) {
      if (batch.nextOffset === wanted.get(batch.partition)) continue;
      await options.onBatch(batch);
      if (signal.aborted) return;
      positions.set(batch.partition, batch.nextOffset);
    }
    for (const { partition, error } of failures) {
      partitions.delete(partition);
      options.onFailure(partition, error);
    }
  }
}

/** The broker fills a response in the order of the request: each partition gets its turn to be first. */
function rotated(partitions: readonly number[], round: number): number[] {
  const start = round % partitions.length;
  return [...partitions.slice(start), ...partitions.slice(0, start)];
}
