import type { AppendResult } from './append-result.ts';
import { deliverBatch } from './batch-delivery.ts';
import { createCoordinators } from './coordinator-client.ts';
import { createGroupedProduce } from './grouped-produce.ts';
import { type Fence, fencePartition } from './producer-fence.ts';
import type { PublishObserver } from './publish-observer.ts';
import { createTopicCluster, type KafkaConnectionConfig } from './topic-cluster.ts';
import { DEFAULT_REQUEST_TIMEOUT_MS } from './wire/broker-connection.ts';
import { nextSequence } from './wire/produce.ts';
import {
  encodeRecordBatch,
  type ProducedRecord,
  type ProducerIdentity,
} from './wire/record-batch-encoding.ts';

export interface LogWriter {
  /** Fences all older writers of the partition (see fencePartition) and starts a sequence of its own. Rejects when Kafka is away. */
  claim(partition: number, signal: AbortSignal): Promise<void>;
  /**
   * Appends one batch to a claimed partition, one call at a time for each partition. Batches for several partitions share requests.
   * Sends the same bytes again, on a new connection after a time-out, until the broker says yes or no or `signal` aborts: the
   * sequence in them keeps a retry from being appended twice.
   */
  append(partition: number, records: readonly ProducedRecord[], signal: AbortSignal): Promise<AppendResult>;
  /** Forgets the claim; others are fenced until somebody claims the partition. */
  release(partition: number): void;
  /** Ends everything under way and closes all connections. */
  close(): void;
}

export interface LogWriterConfig extends KafkaConnectionConfig {
  readonly topic: string;
  /** Each partition has its own producer identity, `<prefix>-<partition>`, shared by all processes that may own it. */
  readonly transactionalIdPrefix: string;
  readonly observer?: PublishObserver;
  /** How older writers are kept out; default: fencePartition. For tests that must see what happens without. */
  readonly fence?: Fence;
}

/** The broker gives up waiting for its replicas before the client gives up waiting for the broker. */
const REPLICATION_TIMEOUT_SHARE = 0.8;
/** The same where partitions wait for each other: one with a slow replica is sent alone after this, and the others go on. */
const MAX_SHARED_REPLICATION_MS = 1_000;

interface Claim {
  readonly identity: ProducerIdentity;
  sequence: number;
  busy: boolean;
}

/** Connects with the first call. */
export function createLogWriter(config: LogWriterConfig): LogWriter {
  const { observer = {}, fence = fencePartition } = config;
  const cluster = createTopicCluster(config, config.topic);
  const coordinators = createCoordinators(cluster, 'transaction');
  const requestTimeoutMs = config.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS;
  const timeoutMs = Math.ceil(requestTimeoutMs * REPLICATION_TIMEOUT_SHARE);
  const grouped = createGroupedProduce(cluster, Math.min(timeoutMs, MAX_SHARED_REPLICATION_MS));
  const claims = new Map<number, Claim>();
  let inFlightBytes = 0;

  function countInFlight(bytes: number): void {
    inFlightBytes += bytes;
    observer.inFlight?.(inFlightBytes);
  }

  async function deliver(partition: number, batch: Buffer, events: number, signal: AbortSignal) {
    const startedAt = performance.now();
    countInFlight(batch.length);
    const result = await deliverBatch({
      cluster,
      partition,
      batch,
      timeoutMs,
      first: () => grouped.send(partition, batch, signal),
      onRetry: (error) => observer.retried?.(partition, error),
      signal,
    });
    countInFlight(-batch.length);
    if (result.kind === 'appended') {
      const durationMs = performance.now() - startedAt;
      observer.acknowledged?.({ partition, events, bytes: batch.length, durationMs });
    }
    return result;
  }

  return {
    async claim(partition, signal) {
      claims.delete(partition);
      const transactionalId = `${config.transactionalIdPrefix}-${partition}`;
      const ask = coordinators.ask(transactionalId, signal);
      const identity = await fence(ask, { transactionalId, topic: config.topic, partition });
      claims.set(partition, { identity, sequence: 0, busy: false });
    },

    async append(partition, records, signal) {
      const claim = claims.get(partition);
      if (!claim) throw new Error(`partition ${partition} is not claimed`);
      if (claim.busy) throw new Error(`partition ${partition} is being appended to already`);
      claim.busy = true;
      try {
        const { identity, sequence } = claim;
        const batch = encodeRecordBatch({ identity, sequence, records, timestampMs: Date.now() });
        const result = await deliver(partition, batch, records.length, signal);
        if (result.kind === 'appended') claim.sequence = nextSequence(sequence, records.length);
        if (result.kind === 'unknown' && claims.get(partition) === claim) claims.delete(partition);
        return result;
      } finally {
        claim.busy = false;
      }
    },

    release: (partition) => void claims.delete(partition),
    close: () => cluster.close(),
  };
}
