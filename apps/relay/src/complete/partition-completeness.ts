import { completeAfter, type CompleteProgress } from '@order-events/messaging';
import type { Cursor } from '@order-events/outbox';
import type { PartitionWriter } from '../publish/partition-writer.ts';

/** Of the topic that was claimed. */
export interface PartitionComplete extends CompleteProgress {
  readonly topicId: string;
}

/** How far one partition is complete, as far as the run that owns it knows. */
export interface PartitionCompleteness {
  claimed(topicId: string): void;
  /** Everything up to the cursor has been dealt with. */
  advanced(cursor: Cursor): void;
  /** Undefined until it is known. True for ever, also when the lease is lost. */
  known(): PartitionComplete | undefined;
}

export function createPartitionCompleteness(
  writer: Pick<PartitionWriter, 'deliveredTo'>,
): PartitionCompleteness {
  let complete: CompleteProgress | undefined;
  let topicId = '';
  return {
    claimed(claimedId) {
      if (topicId !== claimedId) complete = undefined;
      topicId = claimedId;
    },
    advanced({ page, takenAtMs }) {
      complete = completeAfter(complete, page ? undefined : takenAtMs, writer.deliveredTo());
    },
    known: () => complete && { ...complete, topicId },
  };
}
