import type { KafkaPublisher, PartitionClaim } from '@order-events/messaging';
import { type Checkpoint, type Lease, type LeaseStore, takeUpPoint } from '@order-events/outbox';
import { type Logger, sleep } from '@order-events/runtime';
import type { FindingBoard } from '../health/finding-board.ts';
import { createPastFindings } from '../health/past-findings.ts';
import type { RelayMetrics } from '../relay-metrics.ts';
import { cutFindings, cutText, type LogCut } from './log-cut.ts';

/** Looks into logs for what they should have. */
export type LogMarks = Pick<KafkaPublisher, 'truncated' | 'eventsAt'>;

export interface LogHealing {
  /**
   * Gives the lease back with a checkpoint that the log has: whoever takes it over publishes the rest again, by the steps of every
   * take-over. Rejects when the database or Kafka is away: nothing has changed then.
   */
  heal(lease: Lease, claim: PartitionClaim, checkpoint: Checkpoint, signal: AbortSignal): Promise<void>;
  /**
   * Looks for logs that have lost their end while nothing is published to them, until `signal` aborts: whoever has something to publish
   * finds it himself.
   */
  watch(signal: AbortSignal, onTruncated: (partition: number) => void): Promise<void>;
}

const LOOK_INTERVAL_MS = 5_000;

/** For logs that have lost events which Kafka had acknowledged. */
export function createLogHealing(options: {
  readonly leases: Pick<LeaseStore, 'goBack'>;
  readonly marks: LogMarks;
  readonly metrics: Pick<RelayMetrics, 'logCuts'>;
  readonly board: FindingBoard;
  readonly log: Logger;
}): LogHealing {
  const { leases, marks, metrics, board, log } = options;
  const past = createPastFindings<LogCut>((cuts) => board.put('log cuts', cutFindings(cuts)));

  function tell(cut: LogCut): void {
    metrics.logCuts.inc({ healed: cut.healed });
    past.set(cut.partition, cut);
    const { partition, topicId, healed, since } = cut;
    log.warn({ partition, topicId, healed, since, endOffset: String(cut.endOffset) }, cutText(cut));
  }

  return {
    async heal({ partition, epoch }, claim, checkpoint, signal) {
      const offsets = markedOffsets(checkpoint).filter(
        (offset) => offset >= claim.startOffset && offset < claim.endBefore,
      );
      const events = await marks.eventsAt(partition, offsets, signal);
      const point = takeUpPoint(checkpoint, {
        topicId: claim.topicId,
        startOffset: claim.startOffset,
        endOffset: claim.endBefore,
        eventAt: (offset) => events.get(offset),
        ledgerOffset: claim.readFrom,
        last: claim.mark.last,
      });
      signal.throwIfAborted();
      const back = await leases.goBack({ partition, epoch, checkpoint: point.checkpoint });
      // Somebody else has it by now, and finds the same.
      if (!back) return;
      tell({
        partition,
        topicId: claim.topicId,
        isOtherTopic: checkpoint.mark !== undefined && checkpoint.mark.topicId !== claim.topicId,
        endOffset: claim.endBefore,
        healed: point.heals === 'whole' && back.dropped ? 'partly' : point.heals,
        since: point.atMs === undefined ? undefined : new Date(point.atMs),
      });
    },

    async watch(signal, onTruncated) {
      for (;;) {
        await sleep(LOOK_INTERVAL_MS, signal);
        if (signal.aborted) return;
        try {
          for (const partition of await marks.truncated(signal)) onTruncated(partition);
        } catch (error) {
          log.debug({ reason: error }, 'could not look where the logs end');
        }
      }
    },
  };
}

function markedOffsets({ mark, history = [] }: Checkpoint): bigint[] {
  const places = [mark, ...history.map((former) => former.mark)];
  return [...new Set(places.flatMap((place) => place?.last?.offset ?? []))];
}
