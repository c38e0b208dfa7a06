import { ERROR_CODE, GroupMembershipLostError, KafkaProtocolError } from '@order-events/messaging';
import { settleWithin, sleep } from '@order-events/runtime';
import type { LogEvent } from '../log/log-event.ts';
import { StreamError } from '../stream/stream-error.ts';
import { withinDelay } from './held-order.ts';
import type { HeldPartition, HeldStep, RejectAnswer } from './held-partition-api.ts';
import { HeldWriteError, type HeldWriter, type OpenHeldWriter } from './held-store.ts';
import type { UnreadableHeld } from './held-unreadable.ts';

export interface HeldWorkOptions {
  readonly subscription: string;
  readonly open: OpenHeldWriter;
  /** Commits the position of a partition, with its mark, in the present assignment. */
  readonly commitMark: (partition: number) => Promise<void>;
  /** A step is done. */
  readonly onChange: () => void;
  /** Something that may be held cannot be read. */
  readonly onUnreadable: (unreadable: readonly UnreadableHeld[]) => void;
  /** Told of what will be tried again. */
  readonly onFailure: (error: unknown) => void;
}

/** Does in Kafka what partitions have to be done, each beside the others. */
export interface HeldWork {
  /** Those of the partitions in which somebody else has written since they were read; none while nothing was claimed. */
  grown(partitions: readonly number[], signal: AbortSignal): Promise<readonly number[]>;
  /** Unless it is under way. */
  begin(partition: number, held: HeldPartition<LogEvent>, over: AbortSignal): void;
  isUnderWay(): boolean;
  /** Why the stream must end. */
  failure(): StreamError | undefined;
  /** Waits until nothing is under way, for so long at most. */
  settle(deadlineMs: number): Promise<void>;
  close(): void;
}

const RETRY_MS = 500;

/** `nowMs`: by which it is told when an event comes again. */
export function createHeldWork(
  options: HeldWorkOptions,
  onAnswers: (answers: readonly RejectAnswer[]) => void,
  nowMs: () => number,
): HeldWork {
  const underWay = new Map<HeldPartition<LogEvent>, Promise<void>>();
  const closing = new AbortController();
  let writer: HeldWriter | undefined;
  let failure: StreamError | undefined;

  async function perform(
    step: HeldStep<LogEvent>,
    partition: number,
    held: HeldPartition<LogEvent>,
    signal: AbortSignal,
  ): Promise<void> {
    writer ??= options.open(options.subscription);
    if (step.kind === 'claim') {
      await writer.claim(partition, signal);
      held.claimed();
    } else if (step.kind === 'mark') {
      await options.commitMark(partition);
      held.marked();
    } else if (step.kind === 'load') {
      const stored = await writer.load(partition, signal);
      const records = stored.records.map((record) => withinDelay(record, nowMs()));
      held.loaded(step.asked, { ...stored, records });
      tellUnreadable(held);
    } else if (step.kind === 'look') {
      held.looked(step.asked, await writer.look(partition, signal));
      tellUnreadable(held);
    } else {
      await writer.write(partition, step.writes, signal);
      onAnswers(held.written(step.writes));
    }
  }

  function tellUnreadable(held: HeldPartition<LogEvent>): void {
    const unreadable = held.unreadable();
    if (unreadable.length > 0) options.onUnreadable(unreadable);
  }

  async function work(partition: number, held: HeldPartition<LogEvent>, signal: AbortSignal): Promise<void> {
    for (let step = held.step(); step && !signal.aborted && !failure; step = held.step()) {
      try {
        await perform(step, partition, held, signal);
      } catch (error: unknown) {
        if (signal.aborted) return;
        failure ??= streamFailure(error);
        if (!failure) {
          // Also when the membership is lost: the end of the assignment ends this, or the next try is another's business.
          if (!(error instanceof GroupMembershipLostError)) options.onFailure(error);
          await sleep(RETRY_MS, signal);
        }
      }
      options.onChange();
    }
  }

  function begin(partition: number, held: HeldPartition<LogEvent>, over: AbortSignal): void {
    if (underWay.has(held) || !held.step() || over.aborted || closing.signal.aborted || failure) return;
    const signal = AbortSignal.any([over, closing.signal]);
    const working = work(partition, held, signal).finally(() => {
      underWay.delete(held);
      // What came while the last step ended is not lost.
      begin(partition, held, over);
    });
    underWay.set(held, working);
  }

  return {
    grown: async (partitions, signal) => (await writer?.grown(partitions, signal)) ?? [],
    begin,
    isUnderWay: () => underWay.size > 0,
    failure: () => failure,
    async settle(deadlineMs) {
      await settleWithin(Promise.all(underWay.values()), deadlineMs);
    },
    close() {
      closing.abort();
      writer?.close();
    },
  };
}

/** Undefined for what is tried again. */
function streamFailure(error: unknown): StreamError | undefined {
  if (error instanceof HeldWriteError) {
    return new StreamError(
      'SOURCE_UNAVAILABLE',
      'a rejected event could not be stored: open the subscription again',
      {
        cause: error,
      },
    );
  }
  if (error instanceof KafkaProtocolError && error.code === ERROR_CODE.UNKNOWN_TOPIC_OR_PARTITION) {
    const text =
      'rejected events have no place in Kafka: an operator has to run the topics job, which makes or enlarges the topic of held events';
    return new StreamError('HELD_TOPIC_MISSING', text, { cause: error });
  }
  return undefined;
}
