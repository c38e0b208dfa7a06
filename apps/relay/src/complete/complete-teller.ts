import {
  type CompleteMark,
  type CompletePublisher,
  ERROR_CODE,
  KafkaProtocolError,
} from '@order-events/messaging';
import type { Finding } from '@order-events/outbox';
import {
  createRunningPart,
  createSparingWarn,
  type Logger,
  type Part,
  reasonOf,
  sleep,
} from '@order-events/runtime';
import type { FindingBoard } from '../health/finding-board.ts';

export interface CompleteTellerOptions {
  readonly marks: () => readonly CompleteMark[];
  readonly publisher: Pick<CompletePublisher, 'tell' | 'close'>;
  /** Makes the topic of the marks where there is none; rejects where that is for others to do. */
  readonly ensureTopic: (signal: AbortSignal) => Promise<void>;
  readonly board: FindingBoard;
  /** Marks that Kafka has acknowledged. */
  readonly onTold: (marks: readonly CompleteMark[]) => void;
  readonly log: Logger;
  readonly intervalMs: number;
}

/** The next marks say all that these do: nobody need wait for a broker that does not answer. */
const PATIENCE_MS = 5_000;

/**
 * Tells how far each partition is complete, whether anything has happened or not, in one request for all of them. What cannot be told
 * holds up no event: streams do not learn how complete they are, that is all.
 */
export function createCompleteTeller(options: CompleteTellerOptions): Part {
  const { marks, publisher, board, log, intervalMs } = options;
  const warn = createSparingWarn(log);

  async function tell(stopping: AbortSignal): Promise<void> {
    const signal = AbortSignal.any([stopping, AbortSignal.timeout(PATIENCE_MS)]);
    const known = marks();
    if (known.length === 0) return;
    try {
      await publisher.tell(known, signal).catch(async (error: unknown) => {
        if (!isMissingTopic(error)) throw error;
        await options.ensureTopic(signal);
        await publisher.tell(known, signal);
      });
      options.onTold(known);
      board.put('complete', []);
    } catch (error) {
      if (stopping.aborted) return;
      board.put('complete', [untoldFinding(error)]);
      warn({ reason: error }, 'could not tell how far partitions are complete, trying again');
    }
  }

  return createRunningPart(
    'complete teller',
    async (stopping) => {
      while (!stopping.aborted) {
        await tell(stopping);
        await sleep(intervalMs, stopping);
      }
    },
    async () => publisher.close(),
  );
}

const isMissingTopic = (error: unknown) =>
  error instanceof KafkaProtocolError && error.code === ERROR_CODE.UNKNOWN_TOPIC_OR_PARTITION;

export function untoldFinding(error: unknown): Finding {
  const why = error instanceof KafkaProtocolError ? error.reason : reasonOf(error);
  const text = `streams do not learn up to which time they are complete, events flow: ${why}`;
  return { name: 'complete-untold', severity: 'notice', text, partitions: [] };
}
