import { ledgerId, REPLAY_ID_HEADER } from './ledger-id.ts';
import type { LoggedEvent } from './log-mark.ts';
import type { LogReader } from '../read/log-reader.ts';
import { EVENT_ID_HEADER } from '../message/order-event-headers.ts';
import type { UnreadableBatchError } from '../wire/unreadable-batch.ts';

/**
 * Some 100 bytes of memory for each. The stored offset is about a second old, and older by no more than what a page of the outbox
 * holds: so many events lie behind it only when it is wrong.
 */
const MAX_IDS = 2_000_000;

/** More was published behind the stored offset than an owner can keep in mind. */
export class LedgerTooLargeError extends Error {
  override readonly name = 'LedgerTooLargeError';

  constructor(partition: number, from: bigint) {
    super(
      `partition ${partition} holds more than ${MAX_IDS} events behind the stored offset ${from}: ` +
        'the offset is not the one that belongs to the stored cursor',
    );
  }
}

/**
 * A batch behind the stored offset cannot be read, and may hold events of a former owner. Passing it could publish them twice, so the
 * partition stands until somebody decides; the others have ledgers of their own.
 */
export class LedgerUnreadableError extends Error {
  override readonly name = 'LedgerUnreadableError';

  constructor(batch: UnreadableBatchError) {
    super(`what was published to ${batch.message}`, { cause: batch });
  }
}

/** No writer of this product sends so much in a batch: it is somebody else's, and none of our events is in it. */
const isOfAnother = ({ kind }: UnreadableBatchError) => kind === 'too_large';

/** Where to read, and from where on what is found counts. */
export interface LedgerRange {
  readonly partition: number;
  readonly from: bigint;
  /** Exclusive. */
  readonly to: bigint;
  /** What lies before is read for the mark only; left out: everything counts. */
  readonly idsFrom?: bigint;
  /** Where an event is expected. */
  readonly markedAt?: bigint | undefined;
}

export interface Ledger {
  /** As `ledgerId` names them. */
  readonly ids: Set<string>;
  /** The last event that was read. */
  readonly last: LoggedEvent | undefined;
  /** Id of the event at `markedAt`, if there is one. */
  readonly markedId: string | undefined;
}

/**
 * What a partition holds in a range. Only the ids are kept: records come and go in responses of bounded size. Rejects with a
 * LedgerTooLargeError or a LedgerUnreadableError.
 */
export async function readLedger(
  reader: Pick<LogReader, 'read'>,
  range: LedgerRange,
  signal: AbortSignal,
  maxIds = MAX_IDS,
): Promise<Ledger> {
  const { partition, from, to, idsFrom = from } = range;
  const ids = new Set<string>();
  let markedId: string | undefined;
  let last: LoggedEvent | undefined;
  await reader.read(
    new Map([[partition, from]]),
    new Map([[partition, to]]),
    ({ records }) => {
      for (const { offset, headers } of records) {
        const eventId = headers[EVENT_ID_HEADER]?.toString();
        if (!eventId) continue;
        last = { offset, eventId };
        if (offset === range.markedAt) markedId = eventId;
        if (offset >= idsFrom) ids.add(ledgerId(eventId, headers[REPLAY_ID_HEADER]?.toString()));
      }
      if (ids.size > maxIds) throw new LedgerTooLargeError(partition, from);
    },
    signal,
    (batch) => {
      if (!isOfAnother(batch)) throw new LedgerUnreadableError(batch);
    },
  );
  return { ids, last, markedId };
}
