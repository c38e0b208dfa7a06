import type { HeldRecord, HoldableEvent, Rejection } from './held-order.ts';
import type { HeldNews, HeldStored } from './held-request.ts';
import type { UnreadableHeld } from './held-unreadable.ts';

/** What a client is told about a rejection. */
export interface RejectAnswer {
  readonly eventId: string;
  readonly outcome: 'retry' | 'set aside' | 'behind' | 'not outstanding';
  /** Of a retry. */
  readonly atMs?: number;
}

/** A record to write: of an event, or the deletion of a request that is done, or of a record that cannot be read. */
export type HeldWrite<E extends HoldableEvent> =
  | EventWrite<E>
  | { readonly doneRequestId: string }
  | { readonly unreadableKey: string; readonly requestId: string | undefined };

/** Without a record it deletes what is stored of the event. */
export interface EventWrite<E extends HoldableEvent> {
  readonly eventId: string;
  readonly record: HeldRecord<E> | undefined;
  /** The operator's request that it comes of. */
  readonly requestId: string | undefined;
}

/**
 * What is to be done in Kafka next, one at a time. `claim`: fence all others who may write here. `mark`: commit, in the generation that
 * the partition was assigned in, what `mark` answers; that shows as well that the claim was this owner's to make. `load`: read
 * what is stored. `look`: read what others have written since. `asked` of both belongs to the answer. `write`: append these records, in this order.
 */
export type HeldStep<E extends HoldableEvent> =
  | { readonly kind: 'claim' }
  | { readonly kind: 'mark' }
  | { readonly kind: 'load'; readonly asked: number }
  | { readonly kind: 'look'; readonly asked: number }
  | { readonly kind: 'write'; readonly writes: readonly HeldWrite<E>[] };

/**
 * The held orders of one subscription in one partition, as the stream knows them that the partition is assigned to. No I/O: whoever
 * drives it does what `step` says and tells how that went.
 */
export interface HeldPartition<E extends HoldableEvent> {
  step(): HeldStep<E> | undefined;
  claimed(): void;
  marked(): void;
  /** `asked` as the step said it. */
  loaded(asked: number, stored: HeldStored<E>): void;
  /** Operators may have asked something. */
  asked(): void;
  /** `asked` as the step said it. */
  looked(asked: number, news: HeldNews): void;
  /** What was read: others may have written since. */
  isRead(): boolean;
  /** What is stored and cannot be read, unless somebody has given it up. While a record of an event is among it nothing is known to be held. */
  unreadable(): readonly UnreadableHeld[];
  /** Answers what clients are to be told now. */
  written(writes: readonly HeldWrite<E>[]): readonly RejectAnswer[];
  /** What a commit of the position must say along with it: the lowest offset that may be held; undefined: nothing is. */
  mark(): bigint | undefined;
  /** Whether the events of the partition may be sent. */
  isReady(): boolean;
  /** What becomes of an event of the log: `held` and `known` are not sent. */
  arrive(event: E): 'send' | 'held' | 'known';
  /** `later`: events of the order that were sent after it and are not acknowledged; they are sent again behind it. */
  reject(event: E, later: readonly E[], rejection: Rejection, nowMs: number): void;
  /** An event that was sent again is rejected again; false when it is not out. */
  rejectAgain(eventId: string, rejection: Rejection, nowMs: number): boolean;
  has(eventId: string): boolean;
  /** Whether it was sent again and is neither acknowledged nor rejected. */
  isOut(eventId: string): boolean;
  /** An event that is to be sent now. `doneUpTo`: everything before it was sent, and is acknowledged or held. */
  due(nowMs: number, doneUpTo: bigint): HeldRecord<E> | undefined;
  /** When `due` may answer something else, by the wall clock. */
  dueAtMs(): number;
  sent(eventId: string, messageNumber: number): void;
  acknowledge(messageNumber: number): void;
  /** Events that were sent again and are not acknowledged. */
  outCount(): number;
  /** Of the oldest message whose acknowledgement is not stored; undefined when there is none. */
  unwrittenMessage(): number | undefined;
  /** Those that were sent again, until their acknowledgement or rejection is stored. */
  unfinished(): readonly { readonly eventId: string; readonly message: number }[];
  /** Whether the event is not held any more, or was rejected since it is known what is stored. */
  isAnswered(eventId: string): boolean;
  /** The position must not pass it; undefined when all that is held is stored. */
  unstoredOffset(): bigint | undefined;
  /** Of the last held event; -1 when there is none. */
  highestOffset(): bigint;
  records(): readonly HeldRecord<E>[];
  size(): { readonly events: number; readonly bytes: number };
  /** Rejections that were not stored. */
  unanswered(): readonly RejectAnswer[];
}
