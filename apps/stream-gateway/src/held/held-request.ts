import { type HeldRecord, type HoldableEvent, requeuedState } from './held-order.ts';
import type { UnreadableHeld } from './held-unreadable.ts';

/** What an operator asks of what is held. It lies beside that until whoever has the partition has done it. */
export type HeldRequest = OrderRequest | RecordRequest;

/** Of held orders. */
export interface OrderRequest {
  readonly id: string;
  readonly kind: 'requeue' | 'discard';
  /** Undefined: all that are set aside; of a requeue only. */
  readonly orderId: string | undefined;
  /** Of a discard: only this one of the order. */
  readonly eventId: string | undefined;
  /** Whoever asks has seen what is held up to here; what came later is not meant. */
  readonly upToOffset: bigint;
}

/** Of a record that cannot be read. */
export interface RecordRequest {
  readonly id: string;
  readonly kind: 'discard unreadable';
  /** Undefined: of a batch. */
  readonly recordKey: string | undefined;
  /** In the topic of held events. */
  readonly recordOffset: bigint;
}

/** What others than the owner have written in a partition. */
export interface HeldNews {
  /** Those that are not done, in the order in which they came. */
  readonly requests: readonly HeldRequest[];
  readonly unreadable: readonly UnreadableHeld[];
}

/** What is stored of a subscription in a partition. */
export interface HeldStored<E extends HoldableEvent> extends HeldNews {
  readonly records: readonly HeldRecord<E>[];
}

/** The records that a request is about, of those of one partition: for a requeue the first of each order. */
export function meantBy<E extends HoldableEvent>(
  request: HeldRequest,
  records: readonly HeldRecord<E>[],
): readonly HeldRecord<E>[] {
  if (request.kind === 'discard unreadable') return [];
  const seen = records.filter(({ event }) => event.offset <= request.upToOffset);
  if (request.kind === 'discard') {
    return seen.filter(
      ({ event }) =>
        event.orderId === request.orderId &&
        (request.eventId === undefined || event.eventId === request.eventId),
    );
  }
  const heads = new Map<string, HeldRecord<E>>();
  for (const record of records) {
    const head = heads.get(record.event.orderId);
    if (!head || record.event.offset < head.event.offset) heads.set(record.event.orderId, record);
  }
  return seen.filter(
    (record) =>
      heads.get(record.event.orderId) === record &&
      (request.orderId === undefined ? record.state.isSetAside : record.event.orderId === request.orderId),
  );
}

/** What is held of one partition once all that was asked is done, in the order of the offsets. */
export function afterRequests<E extends HoldableEvent>({
  records,
  requests,
}: Pick<HeldStored<E>, 'records' | 'requests'>): readonly HeldRecord<E>[] {
  let held: readonly HeldRecord<E>[] = records.toSorted((a, b) => (a.event.offset < b.event.offset ? -1 : 1));
  for (const request of requests) {
    const meant = new Set(meantBy(request, held));
    held =
      request.kind === 'discard'
        ? held.filter((record) => !meant.has(record))
        : held.map((record) =>
            meant.has(record) ? { ...record, state: requeuedState(record.state) } : record,
          );
  }
  return held;
}

/** Those that no operator has given up. A record that was written anew since is another one. */
export function notGivenUp(
  unreadable: readonly UnreadableHeld[],
  requests: readonly HeldRequest[],
): readonly UnreadableHeld[] {
  return unreadable.filter(
    ({ key, offset }) =>
      !requests.some(
        (request) =>
          request.kind === 'discard unreadable' &&
          request.recordKey === key &&
          request.recordOffset === offset,
      ),
  );
}

/** Whoever comes into office must find that a batch is to be passed, for as long as the log has it; who is in office has passed it. */
export function isToStay(request: HeldRequest, unreadable: readonly UnreadableHeld[]): boolean {
  return (
    request.kind === 'discard unreadable' &&
    request.recordKey === undefined &&
    unreadable.some(({ key, offset }) => key === undefined && offset === request.recordOffset)
  );
}
