import { fencePartition } from './producer-fence.ts';
import { createRetryPause } from './retry-pause.ts';
import {
  createTopicCluster,
  type KafkaConnectionConfig,
  leaderOf,
  type TopicCluster,
} from './topic-cluster.ts';
import { DEFAULT_REQUEST_TIMEOUT_MS } from './wire/broker-connection.ts';
import { nextSequence, type ProduceAnswer, produceRequest } from './wire/produce.ts';
import { ERROR_CODE, KafkaProtocolError } from './wire/protocol-error.ts';
import {
  encodeRecordBatch,
  type ProducedRecord,
  type ProducerIdentity,
} from './wire/record-batch-encoding.ts';
import type { WireRequest } from './wire/wire-request.ts';

/**
 * - `appended`: in the log, the first record at `baseOffset`.
 * - `refused`: not in the log, and the broker will never take this batch.
 * - `unsent`: not in the log.
 * - `unknown`: perhaps in the log; the partition has to be claimed again.
 */
export type AppendResult =
  | { readonly kind: 'appended'; readonly baseOffset: bigint }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'unsent' }
  | { readonly kind: 'unknown'; readonly reason: string };

export interface LogWriter {
  /** Fences all older writers of the partition (see fencePartition) and starts a sequence of its own. Rejects when Kafka is away. */
  claim(partition: number, signal: AbortSignal): Promise<void>;
  /**
   * Appends one batch to a claimed partition, one call at a time. Sends the same bytes again, on a new connection after a time-out,
   * until the broker says yes or no or `signal` aborts: the sequence in them keeps a retry from being appended twice.
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
  /** A batch was not acknowledged and is sent again. */
  readonly onRetry?: (partition: number, error: Error) => void;
}

const FIRST_RETRY_MS = 20;
const MAX_RETRY_MS = 500;
/** The broker gives up waiting for its replicas before the client gives up waiting for the broker. */
const REPLICATION_TIMEOUT_SHARE = 0.8;

/** The records are at fault. A batch that arrived damaged (CORRUPT_MESSAGE) is not: it is sent again. */
const REFUSALS: ReadonlySet<number> = new Set([
  ERROR_CODE.MESSAGE_TOO_LARGE,
  ERROR_CODE.RECORD_LIST_TOO_LARGE,
  ERROR_CODE.INVALID_RECORD,
]);
const FENCED: ReadonlySet<number> = new Set([ERROR_CODE.INVALID_PRODUCER_EPOCH, ERROR_CODE.PRODUCER_FENCED]);
/** The broker's memory of this producer is not the one the sequence continues. */
const LOST_SEQUENCE: ReadonlySet<number> = new Set([
  ERROR_CODE.OUT_OF_ORDER_SEQUENCE_NUMBER,
  ERROR_CODE.DUPLICATE_SEQUENCE_NUMBER,
  ERROR_CODE.INVALID_TXN_STATE,
  ERROR_CODE.INVALID_PRODUCER_ID_MAPPING,
  ERROR_CODE.UNKNOWN_PRODUCER_ID,
]);

interface Claim {
  readonly identity: ProducerIdentity;
  sequence: number;
  busy: boolean;
}

/** Connects with the first call. */
export function createLogWriter(config: LogWriterConfig): LogWriter {
  const cluster = createTopicCluster(config, config.topic);
  const requestTimeoutMs = config.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS;
  const timeoutMs = Math.ceil(requestTimeoutMs * REPLICATION_TIMEOUT_SHARE);
  const claims = new Map<number, Claim>();
  return {
    async claim(partition, signal) {
      claims.delete(partition);
      const transactionalId = `${config.transactionalIdPrefix}-${partition}`;
      const identity = await fencePartition(cluster, transactionalId, partition, signal);
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
        const wire = produceRequest({ topic: config.topic, batches: [{ partition, batch }], timeoutMs });
        const stop = AbortSignal.any([signal, cluster.closed]);
        const result = await deliver(cluster, partition, wire, stop, config.onRetry);
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

/** Sends until there is a final answer. Never rejects: an attempt without one is told to `onRetry`. */
async function deliver(
  cluster: TopicCluster,
  partition: number,
  wire: WireRequest<ReadonlyMap<number, ProduceAnswer>>,
  signal: AbortSignal,
  onRetry: LogWriterConfig['onRetry'],
): Promise<AppendResult> {
  const retry = createRetryPause(FIRST_RETRY_MS, MAX_RETRY_MS);
  let sent = false;
  let failure: Error | undefined;
  while (!signal.aborted) {
    try {
      const metadata = await (failure ? cluster.refresh(signal) : cluster.metadata(signal));
      const connection = await cluster.connection(leaderOf(partition, metadata), signal);
      const maybeAppended = sent;
      sent = true;
      const answer = (await connection.send(wire, signal)).get(partition);
      if (!answer) throw new Error(`the broker answered nothing for partition ${partition}`);
      const { errorCode, baseOffset } = answer;
      if (errorCode === 0) return { kind: 'appended', baseOffset };
      failure = new KafkaProtocolError(errorCode, `partition ${partition} of ${cluster.topic}`);
      const result = finalRefusal(errorCode, failure.message, maybeAppended);
      if (result) return result;
    } catch (error) {
      if (signal.aborted) break;
      failure = error instanceof Error ? error : new Error(String(error));
    }
    onRetry?.(partition, failure);
    await retry.wait(signal);
  }
  if (!sent) return { kind: 'unsent' };
  return { kind: 'unknown', reason: failure?.message ?? 'the broker had not answered in time' };
}

/** Undefined when the same batch is to be sent again. `maybeAppended`: an earlier attempt has had no final answer. */
function finalRefusal(errorCode: number, reason: string, maybeAppended: boolean): AppendResult | undefined {
  if (FENCED.has(errorCode)) return { kind: 'unknown', reason: `another writer has claimed it: ${reason}` };
  if (LOST_SEQUENCE.has(errorCode)) return { kind: 'unknown', reason };
  if (REFUSALS.has(errorCode)) return { kind: maybeAppended ? 'unknown' : 'refused', reason };
  return undefined;
}
