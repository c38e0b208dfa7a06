import { type CompleteBoard, followCompleteMarks, type KafkaConnectionConfig } from '@order-events/messaging';
import { createRunningPart, createSparingWarn, type Logger, type Part, sleep } from '@order-events/runtime';

export interface CompleteFollowerOptions {
  readonly connection: KafkaConnectionConfig & { readonly topic: string };
  readonly board: Pick<CompleteBoard, 'take'>;
  /** After each time that marks were taken. */
  readonly onTaken: () => void;
  readonly log: Logger;
}

/** A topic that is made, or a right that is given, is noticed within it. */
const RETRY_MS = 5_000;

/** Takes the marks of the relays, for ever. Without them streams do not say how complete they are, and nothing else is different. */
export function createCompleteFollower({ connection, board, onTaken, log }: CompleteFollowerOptions): Part {
  const warnOfRecord = createSparingWarn(log);
  let isTold = false;

  function unavailable(error: unknown): void {
    if (isTold) return;
    isTold = true;
    log.warn(
      { reason: error },
      'streams do not say up to which time they are complete: the topic of the marks cannot be read, trying on',
    );
  }

  const handlers = {
    onMarks(marks: readonly Parameters<typeof board.take>[0][]) {
      marks.forEach(board.take);
      onTaken();
    },
    onInvalid: (error: Error) => warnOfRecord({ reason: error }, 'left out a record of the topic of marks'),
    onAvailable: () => (isTold = false),
    onUnavailable: unavailable,
  };

  return createRunningPart('complete follower', async (stopping) => {
    while (!stopping.aborted) {
      try {
        await followCompleteMarks({ ...connection, ...handlers }, stopping);
      } catch (error) {
        if (stopping.aborted) return;
        unavailable(error);
      }
      await sleep(RETRY_MS, stopping);
    }
  });
}
