import type { AppendResult } from './append-result.ts';
import { deliverBatch } from './batch-delivery.ts';
import { createCoordinators } from '../group/coordinator-client.ts';
import { endCheck, type EndCheck } from './end-check.ts';
import { createGroupedProduce } from './grouped-produce.ts';
import { type Fence, fencePartition } from './producer-fence.ts';
import type { BatchObserver, PublishObserver } from './publish-observer.ts';
import { createTopicCluster, type KafkaConnectionConfig } from '../cluster/topic-cluster.ts';
import { type BrokerConnection, DEFAULT_REQUEST_TIMEOUT_MS } from '../wire/broker-connection.ts';
import { nextSequence } from '../wire/produce.ts';
import {
  encodeRecordBatch,
  type WrittenRecord,
  type ProducerIdentity,
} from '../wire/record-batch-encoding.ts';

export interface LogWriter {
  /** Fences all older writers of the partition (see fencePartition) and starts a sequence of its own. Rejects when Kafka is away. */
  claim(partition: number, signal: AbortSignal): Promise<void>;
  /**
   * Appends one batch to a claimed partition, one call at a time for each partition. Batches for several partitions share requests.
   * Sends the same bytes again, on a new connection after a time-out, until the broker says yes or no or `signal` aborts: the
   * sequence in them keeps a retry from being appended twice. With `baseOffset` only to a log that reaches there: `unknown` otherwise.
   */
  append(
    partition: number,
    records: readonly WrittenRecord[],
    signal: AbortSignal,
    baseOffset?: bigint,
  ): Promise<AppendResult>;
  /** Writes to this cluster only; claims in another one are void. */
  belongTo(clusterId: string): void;
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

/** A coordinator moves or loads within it; longer, and the claim fails with the reason. It is tried again by whoever wants it. */
const COORDINATOR_PATIENCE_MS = 3_000;
/** After the broker has refused the time of this clock, batches carry none for so long before it is tried again. */
const UNDATED_MS = 60_000;
const NO_TIMESTAMP = -1;

interface Delivery {
  readonly events: number;
  readonly ofBatch: BatchObserver | undefined;
  readonly checkEnd: EndCheck | undefined;
  readonly signal: AbortSignal;
}

interface Claim {
  readonly identity: ProducerIdentity;
  sequence: number;
  busy: boolean;
  onConnection: BrokerConnection | undefined;
}

/** Connects with the first call. */
export function createLogWriter(config: LogWriterConfig): LogWriter {
  const { observer = {}, fence = fencePartition } = config;
  const cluster = createTopicCluster(config, config.topic);
  const coordinators = createCoordinators(cluster, 'transaction', COORDINATOR_PATIENCE_MS);
  const requestTimeoutMs = config.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS;
  const timeoutMs = Math.ceil(requestTimeoutMs * REPLICATION_TIMEOUT_SHARE);
  const grouped = createGroupedProduce(cluster, Math.min(timeoutMs, MAX_SHARED_REPLICATION_MS));
  const claims = new Map<number, Claim>();
  let inFlightBytes = 0;
  let undatedUntilMs: number | undefined;

  function countInFlight(bytes: number): void {
    inFlightBytes += bytes;
    observer.inFlight?.(inFlightBytes);
  }

  async function deliver(partition: number, batch: Buffer, { events, ofBatch, checkEnd, signal }: Delivery) {
    const startedAt = performance.now();
    countInFlight(batch.length);
    const result = await deliverBatch({
      cluster,
      partition,
      batch,
      timeoutMs,
      first: () => grouped.send(partition, batch, signal, checkEnd),
      checkEnd,
      onRetry(error) {
        observer.retried?.(partition, error);
        ofBatch?.retried(error);
      },
      signal,
    });
    countInFlight(-batch.length);
    if (result.kind === 'appended') {
      const durationMs = performance.now() - startedAt;
      observer.acknowledged?.({ partition, events, bytes: batch.length, durationMs });
    }
    return result;
  }

  /**
   * Topics with LogAppendTime get the broker's time. With CreateTime the broker compares ours with its own clock, and takes what has
   * no time at all: a wrong clock must not keep events back. A batch whose time was refused is in no log, so its sequence is free.
   */
  async function appendDated(
    partition: number,
    { identity, sequence }: Claim,
    records: readonly WrittenRecord[],
    delivery: Delivery,
  ): Promise<AppendResult> {
    const send = (timestampMs: number) =>
      deliver(partition, encodeRecordBatch({ identity, sequence, records, timestampMs }), delivery);
    if (undatedUntilMs === undefined || performance.now() >= undatedUntilMs) {
      const dated = await send(Date.now());
      if (dated.kind === 'appended' && undatedUntilMs !== undefined) {
        undatedUntilMs = undefined;
        observer.dated?.();
      }
      if (dated.kind !== 'misdated') return dated;
      undatedUntilMs = performance.now() + UNDATED_MS;
      observer.misdated?.(partition, dated.reason);
      delivery.ofBatch?.retried(new Error(dated.reason));
    }
    const undated = await send(NO_TIMESTAMP);
    return undated.kind === 'misdated' ? { kind: 'unsent' } : undated;
  }

  return {
    async claim(partition, signal) {
      claims.delete(partition);
      const transactionalId = `${config.transactionalIdPrefix}-${partition}`;
      const ask = coordinators.ask(transactionalId, signal);
      const identity = await fence(ask, { transactionalId, topic: config.topic, partition });
      claims.set(partition, { identity, sequence: 0, busy: false, onConnection: undefined });
    },

    async append(partition, records, signal, baseOffset) {
      const claim = claims.get(partition);
      if (!claim) throw new Error(`partition ${partition} is not claimed`);
      if (claim.busy) throw new Error(`partition ${partition} is being appended to already`);
      claim.busy = true;
      try {
        const ofBatch = observer.handedOver?.(partition, records);
        const checkEnd =
          baseOffset === undefined
            ? undefined
            : endCheck({ topic: config.topic, partition }, baseOffset, claim);
        const delivery = { events: records.length, ofBatch, checkEnd, signal };
        const result = await appendDated(partition, claim, records, delivery);
        ofBatch?.ended(result);
        if (result.kind === 'appended') claim.sequence = nextSequence(claim.sequence, records.length);
        if (result.kind === 'unknown' && claims.get(partition) === claim) claims.delete(partition);
        return result;
      } finally {
        claim.busy = false;
      }
    },

    belongTo: (clusterId) => cluster.belongTo(clusterId),
    release: (partition) => void claims.delete(partition),
    close: () => cluster.close(),
  };
}
