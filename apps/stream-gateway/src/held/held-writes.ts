import type { HoldableEvent } from './held-order.ts';
import type { HeldWrite, RejectAnswer } from './held-partition-api.ts';
import { type HeldStored, isToStay } from './held-request.ts';
import type { HeldEvent } from './held-set.ts';

/** A write that is not stored, and what comes of it. */
export interface PendingWrite<E extends HoldableEvent> {
  readonly write: HeldWrite<E>;
  /** Undefined for a request that is done. */
  readonly held?: HeldEvent<E>;
  readonly answer?: RejectAnswer | undefined;
  readonly ofMessage?: number | undefined;
}

/** Of what is stored and not held, whatever it is. */
export function deletions<E extends HoldableEvent>({
  records,
  requests,
  unreadable,
}: HeldStored<E>): HeldWrite<E>[] {
  return [
    ...requests.filter((request) => !isToStay(request, unreadable)).map(({ id }) => ({ doneRequestId: id })),
    ...records.map(({ event }) => ({ eventId: event.eventId, record: undefined, requestId: undefined })),
    ...unreadable.flatMap(({ key }) =>
      key === undefined ? [] : { unreadableKey: key, requestId: undefined },
    ),
  ];
}

export function unfinished<E extends HoldableEvent>(
  pending: readonly PendingWrite<E>[],
  out: ReadonlySet<HeldEvent<E>>,
): { readonly eventId: string; readonly message: number }[] {
  const sent = [
    ...pending.map(({ held, ofMessage }) => ({ held, message: ofMessage })),
    ...Array.from(out, (held) => ({ held, message: held.outMessage })),
  ];
  return sent.flatMap(({ held, message }) =>
    held && message !== undefined ? { eventId: held.event.eventId, message } : [],
  );
}

export function unanswered(
  pending: Iterable<{ readonly answer?: RejectAnswer | undefined }>,
): RejectAnswer[] {
  return Array.from(pending, ({ answer }) => answer)
    .filter((answer) => answer !== undefined)
    .map((answer) => ({ ...answer, outcome: 'not outstanding' }));
}
