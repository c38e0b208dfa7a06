import {
  type HoldableEvent,
  rejectedState,
  type Rejection,
  type RejectPolicy,
  requeuedState,
  WAITING,
} from './held-order.ts';
import type { HeldPartition, HeldWrite, RejectAnswer } from './held-partition-api.ts';
import {
  type HeldNews,
  isToStay,
  meantBy,
  notGivenUp,
  type OrderRequest,
  type RecordRequest,
} from './held-request.ts';
import { createHeldSet, type HeldEvent } from './held-set.ts';
import { isWaitedFor, type UnreadableHeld } from './held-unreadable.ts';
import { deletions, type PendingWrite, unanswered, unfinished } from './held-writes.ts';

const MAX_WRITES = 100;

/**
 * `committedMark`: what the last commit said, see `mark`. Without one nothing is held, whatever is stored: it is what is left of a
 * subscription that was deleted or moved. The mark is committed before the first record is written, and is committed away only when
 * the last one is deleted.
 */
export function createHeldPartition<E extends HoldableEvent>(
  policy: RejectPolicy,
  committedMark: bigint | undefined,
): HeldPartition<E> {
  const set = createHeldSet<E>();
  const { unstoredOffset, highestOffset, records, size, isAnswered } = set;
  const out = new Set<HeldEvent<E>>();
  const pending: PendingWrite<E>[] = [];
  /** Records of events that are not held, and of what was asked of them: they are deleted before the mark can make them look like it. */
  const leftovers: HeldWrite<E>[] = [];
  let [isClaimed, isInOffice, isMarked, isLoaded] = [false, false, false, false];
  let [asked, lookedFor, dueAtMs, givingUp] = [0, 0, 0, 0];
  let unreadable: readonly UnreadableHeld[] = [];

  function write(held: HeldEvent<E>, answer?: RejectAnswer, requestId?: string): void {
    const { event, state } = held;
    held.writes += 1;
    dueAtMs = 0;
    pending.push({ write: { eventId: event.eventId, record: { event, state }, requestId }, held, answer });
  }

  function finish(held: HeldEvent<E>, requestId?: string): void {
    const ofMessage = held.outMessage;
    held.isDone = true;
    held.outMessage = undefined;
    out.delete(held);
    pending.push({ write: { eventId: held.event.eventId, record: undefined, requestId }, held, ofMessage });
  }

  function serve({ requests, unreadable: found }: HeldNews): void {
    unreadable = [...unreadable.filter(({ key }) => !found.some((newer) => newer.key === key)), ...found];
    for (const request of requests) {
      if (isToStay(request, unreadable)) continue;
      if (request.kind === 'discard unreadable') serveRecord(request);
      else serveOrders(request);
      dueAtMs = 0;
      // One that was done already, or whose events were, does nothing but go.
      pending.push({ write: { doneRequestId: request.id } });
    }
    unreadable = notGivenUp(unreadable, requests);

    function serveOrders(request: OrderRequest): void {
      const present = records().filter(({ event }) => set.find(event.eventId)?.isDone === false);
      for (const { event } of meantBy(request, present)) {
        const held = set.find(event.eventId);
        if (!held) continue;
        if (request.kind === 'discard') finish(held, request.id);
        else if (held.outMessage === undefined) {
          held.state = requeuedState(held.state);
          write(held, undefined, request.id);
        }
      }
    }

    /** Whoever has the partition knows what is held, so it writes anew what somebody else has spoilt. */
    function serveRecord({ id, recordKey, recordOffset }: RecordRequest): void {
      const known = unreadable.find(({ key, offset }) => key === recordKey && offset === recordOffset);
      const held = known?.eventId === undefined ? undefined : set.find(known.eventId);
      if (held) {
        if (!held.isDone) write(held, undefined, id);
      } else if (known?.key !== undefined) {
        pending.push({ write: { unreadableKey: known.key, requestId: id } });
        // Nobody knows of which order it is: none goes on before the deletion is stored.
        givingUp += 1;
      }
    }
  }

  function applyRejection(held: HeldEvent<E>, rejection: Rejection, nowMs: number): void {
    held.state = rejectedState(held.state, rejection, policy, nowMs);
    held.outMessage = undefined;
    held.isRejected = true;
    out.delete(held);
    const { eventId } = held.event;
    const { isSetAside, notBeforeMs } = held.state;
    write(
      held,
      isSetAside ? { eventId, outcome: 'set aside' } : { eventId, outcome: 'retry', atMs: notBeforeMs },
    );
  }

  function isDue(held: HeldEvent<E>, nowMs: number, doneUpTo: bigint): boolean {
    if (held.isDone || held.outMessage !== undefined || held.state.isSetAside) return false;
    if (held.state.notBeforeMs > nowMs) {
      dueAtMs = Math.min(dueAtMs, held.state.notBeforeMs);
      return false;
    }
    // Of this one the other conditions change without a time.
    dueAtMs = 0;
    return held.writes === 0 && held.event.offset < doneUpTo;
  }

  return {
    step() {
      const isWanted = committedMark !== undefined || pending.length > 0;
      if (!isClaimed) return isWanted ? { kind: 'claim' } : undefined;
      if (!isInOffice) return { kind: 'mark' };
      if (!isLoaded) {
        return unreadable.length > 0 && asked <= lookedFor ? undefined : { kind: 'load', asked };
      }
      if (leftovers.length > 0) return { kind: 'write', writes: leftovers.slice(0, MAX_WRITES) };
      if (asked > lookedFor) return { kind: 'look', asked };
      if (pending.length === 0) return undefined;
      if (!isMarked) return { kind: 'mark' };
      return { kind: 'write', writes: pending.slice(0, MAX_WRITES).map(({ write: each }) => each) };
    },
    claimed() {
      isClaimed = true;
    },
    marked() {
      isMarked = isInOffice || committedMark !== undefined;
      isInOffice = true;
    },
    loaded(of, stored) {
      lookedFor = of;
      if (committedMark === undefined) leftovers.push(...deletions(stored));
      else {
        unreadable = notGivenUp(stored.unreadable, stored.requests);
        if (unreadable.some(isWaitedFor)) return;
        unreadable = [];
        for (const { event, state } of stored.records) set.add(event, state, true);
        serve(stored);
      }
      isLoaded = true;
      dueAtMs = 0;
    },
    asked: () => void (asked += 1),
    looked(of, news) {
      lookedFor = of;
      serve(news);
    },
    ...{ isRead: () => isLoaded || unreadable.length > 0, unreadable: () => unreadable },
    written(writes) {
      if (leftovers.length > 0) {
        leftovers.splice(0, writes.length);
        return [];
      }
      const stored = pending.splice(0, writes.length);
      dueAtMs = 0;
      for (const { held, write: each } of stored) {
        if ('unreadableKey' in each) givingUp -= 1;
        if (!held || !('eventId' in each)) continue;
        unreadable = unreadable.filter(({ eventId }) => eventId !== each.eventId);
        if (each.record) set.stored(held);
        else set.remove(held);
      }
      return stored.flatMap(({ answer }) => answer ?? []);
    },
    mark() {
      if (!isLoaded && committedMark !== undefined) return committedMark;
      if (!isLoaded || leftovers.length > 0) return undefined;
      const lowest = set.lowestOffset();
      if (lowest === undefined && pending.length === 0) isMarked = false;
      return lowest ?? (pending.length > 0 ? 0n : undefined);
    },
    isReady: () => (isLoaded && givingUp === 0) || committedMark === undefined,
    arrive(event) {
      const [head] = set.order(event.orderId);
      if (set.find(event.eventId)) return 'known';
      if (!head || event.offset < head.event.offset) return 'send';
      write(set.add(event, WAITING, false));
      return 'held';
    },
    reject(event, later, rejection, nowMs) {
      applyRejection(set.add(event, WAITING, false), rejection, nowMs);
      for (const each of later) if (!set.find(each.eventId)) write(set.add(each, WAITING, false));
    },
    rejectAgain(eventId, rejection, nowMs) {
      const held = set.find(eventId);
      if (held?.outMessage === undefined) return false;
      applyRejection(held, rejection, nowMs);
      return true;
    },
    has: (eventId) => set.find(eventId) !== undefined,
    isOut: (eventId) => set.find(eventId)?.outMessage !== undefined,
    due(nowMs, doneUpTo) {
      if (!isLoaded || givingUp > 0 || nowMs < dueAtMs) return undefined;
      dueAtMs = Number.POSITIVE_INFINITY;
      for (const head of set.heads()) {
        if (isDue(head, nowMs, doneUpTo)) return { event: head.event, state: head.state };
      }
      return undefined;
    },
    dueAtMs: () => dueAtMs,
    sent(eventId, messageNumber) {
      const held = set.find(eventId);
      if (!held) return;
      held.outMessage = messageNumber;
      out.add(held);
    },
    acknowledge(messageNumber) {
      for (const held of [...out]) {
        if (held.outMessage !== undefined && held.outMessage <= messageNumber) finish(held);
      }
    },
    outCount: () => out.size,
    unwrittenMessage: () => pending.find(({ ofMessage }) => ofMessage !== undefined)?.ofMessage,
    ...{ unstoredOffset, highestOffset, records, size, isAnswered },
    ...{ unfinished: () => unfinished(pending, out), unanswered: () => unanswered(pending) },
  };
}
