import { judgeAttempt, type Judgement } from './append-result.ts';
import type { EndCheck } from './end-check.ts';
import { linkAbort } from '../cluster/linked-abort.ts';
import { attemptAnswered, attemptFailed, type ProduceAttempt } from './produce-attempt.ts';
import { RETRY } from '../cluster/retry-figures.ts';
import { createRetryPause } from '../cluster/retry-pause.ts';
import { leaderOf, type TopicCluster } from '../cluster/topic-cluster.ts';
import { addressName } from '../wire/broker-address.ts';
import type { BrokerConnection } from '../wire/broker-connection.ts';
import { produceRequest } from '../wire/produce.ts';

/**
 * Delivers one batch, after a `first` attempt in company: sends the same bytes until there is a final answer or `signal` aborts.
 * Never rejects: an attempt without an answer is told to `onRetry`.
 *
 * A partition in trouble is on its own, with a connection of its own, until its batch is acknowledged: in a request together with
 * others they would wait for it each time.
 */
export async function deliverBatch(options: {
  cluster: TopicCluster;
  partition: number;
  batch: Buffer;
  /** How long the broker may wait for its replicas. */
  timeoutMs: number;
  first: () => Promise<ProduceAttempt>;
  /** Asked before the batch goes over a connection. */
  checkEnd?: EndCheck | undefined;
  onRetry: (error: Error) => void;
  signal: AbortSignal;
}): Promise<Judgement> {
  const { cluster, partition, signal } = options;
  const what = `partition ${partition} of ${cluster.topic}`;
  let attempt = await options.first();
  let verdict = judgeAttempt(attempt, what, false);
  if ('result' in verdict) return verdict.result;

  const retry = createRetryPause(RETRY.delivery);
  const stop = linkAbort(signal, cluster.closed);
  const alone = createLoneSender(options, stop.signal);
  let maybeAppended = wasSent(attempt);
  try {
    while (!stop.signal.aborted) {
      options.onRetry(verdict.error);
      await retry.wait(stop.signal);
      if (stop.signal.aborted) break;
      attempt = await alone.send();
      verdict = judgeAttempt(attempt, what, maybeAppended);
      if ('result' in verdict) return verdict.result;
      maybeAppended ||= wasSent(attempt);
    }
  } finally {
    alone.close();
    stop.unlink();
  }
  if (!maybeAppended) return { kind: 'unsent' };
  const { error } = verdict;
  return {
    kind: 'unknown',
    reason: error === stop.signal.reason ? 'the broker had not answered in time' : error.message,
  };
}

const wasSent = (attempt: ProduceAttempt) => attempt.kind === 'answered' || attempt.sent;

/** Sends a batch to the leader that fresh metadata names, and keeps its connection for the next time while that goes to the same. */
function createLoneSender(
  { cluster, partition, batch, timeoutMs, checkEnd }: Parameters<typeof deliverBatch>[0],
  signal: AbortSignal,
): { send(): Promise<ProduceAttempt>; close(): void } {
  const wire = produceRequest({ topic: cluster.topic, batches: [{ partition, batch }], timeoutMs });
  let connection: BrokerConnection | undefined;
  let connectedTo = '';

  async function connect(): Promise<BrokerConnection> {
    const leader = leaderOf(partition, await cluster.refresh(signal));
    if (connection?.isOpen() && connectedTo === addressName(leader)) return connection;
    connection?.close();
    connection = await cluster.ownConnection(leader, signal);
    connectedTo = addressName(leader);
    return connection;
  }

  return {
    async send() {
      let sent = false;
      try {
        const open = await connect();
        await checkEnd?.(open);
        sent = true;
        return attemptAnswered(partition, await open.send(wire, signal));
      } catch (error) {
        return attemptFailed(error, sent);
      }
    },
    close: () => connection?.close(),
  };
}
