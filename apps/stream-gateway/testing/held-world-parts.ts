import assert from 'node:assert/strict';
import type { MemberProgress } from '../src/consume/member-progress.ts';
import type { HeldRecord, HoldableEvent } from '../src/held/held-order.ts';
import type { createHeldPartition } from '../src/held/held-partition.ts';
import type { OwedAnswers } from '../src/held/owed-answers.ts';
import type { HeldPartition, HeldWrite } from '../src/held/held-partition-api.ts';
import type { HeldRequest, HeldStored } from '../src/held/held-request.ts';
import type { UnreadableHeld } from '../src/held/held-unreadable.ts';

/** An event of the one partition of the model, and what has become of it for the whole subscription. */
export interface ModelEvent extends HoldableEvent {
  readonly partition: number;
  isHandled: boolean;
  /** A client was told that its acknowledgement is stored. */
  isTold: boolean;
  isGivenUp: boolean;
  /** The subscription was moved past it. */
  isPassed: boolean;
}

export interface Delivery {
  readonly event: ModelEvent;
  readonly message: number;
  state: 'out' | 'handled' | 'rejected' | 'taken back';
}

/** What lies in the topic of held events. */
export type TopicRecord =
  | HeldWrite<ModelEvent>
  | { readonly request: HeldRequest }
  /** Somebody has written what cannot be read. */
  | { readonly spoiltEventId: string };

/** One stream that has, or had, the partition. It goes on as long as nothing tells it that it is over. */
export interface Owner {
  generation: number;
  held: HeldPartition<ModelEvent>;
  readonly progress: MemberProgress<ModelEvent>;
  readonly owed: OwedAnswers;
  readonly deliveries: Delivery[];
  epoch: number;
  acknowledged: number;
  writing: readonly HeldWrite<ModelEvent>[] | undefined;
  committing: { offset: bigint; mark: bigint | undefined; message: number } | undefined;
  isStopped: boolean;
  stale: HeldStored<ModelEvent>;
  /** Up to where it has read the topic of held events. */
  readTo: number;
}

/** What a mutant of the protocol leaves out. */
export interface HeldFaults {
  readonly unfenced?: boolean;
  readonly unmarked?: boolean;
  readonly readsBeforeFence?: boolean;
  readonly commitsPastUnstored?: boolean;
  readonly leavesLaterOut?: boolean;
  readonly tellsUnwritten?: boolean;
  readonly tellsHeldBack?: boolean;
  readonly tellsOwed?: boolean;
  readonly forgetsSent?: boolean;
  readonly operatorsWrite?: boolean;
  readonly make?: typeof createHeldPartition<ModelEvent>;
}

export interface HeldAction {
  readonly kind:
    | 'append'
    | 'take over'
    | 'begin anew'
    | 'work'
    | 'read'
    | 'send again'
    | 'acknowledge'
    | 'reject'
    | 'commit'
    | 'requeue'
    | 'discard'
    | 'spoil'
    | 'give up'
    | 'arrive'
    | 'look'
    | 'seek'
    | 'wait';
  /** Which owner, of the newest ones; 0 is the one in office. */
  readonly owner: number;
  readonly pick: number;
}

/** An event of one of the orders, at the end of the log. */
export function nextEvent(log: readonly ModelEvent[], orderId: string): ModelEvent {
  const offset = BigInt(log.length);
  return {
    ...{ eventId: `event ${offset}`, orderId, offset, partition: 0, encoded: new Uint8Array(1) },
    ...{ isHandled: false, isTold: false, isGivenUp: false, isPassed: false },
  };
}

/** What is left in the topic of held events once it is compacted, of what lies there from an offset on. */
export function storedIn(topic: readonly TopicRecord[], from = 0): HeldStored<ModelEvent> {
  const records = new Map<string, HeldRecord<ModelEvent>>();
  const requests = new Map<string, HeldRequest>();
  const unreadable = new Map<string, UnreadableHeld>();
  for (const [offset, each] of topic.entries()) {
    if (offset < from) continue;
    if ('request' in each) requests.set(each.request.id, each.request);
    else if ('doneRequestId' in each) requests.delete(each.doneRequestId);
    else {
      const key = keyOf(each);
      records.delete(key);
      unreadable.delete(key);
      const place = { partition: 0, offset: BigInt(offset), key, eventId: key, reason: 'spoilt' };
      if ('spoiltEventId' in each) unreadable.set(key, place);
      else if ('eventId' in each && each.record) records.set(key, each.record);
    }
  }
  return {
    records: [...records.values()],
    requests: [...requests.values()],
    unreadable: [...unreadable.values()],
  };
}

function keyOf(record: Exclude<TopicRecord, { request: HeldRequest } | { doneRequestId: string }>): string {
  if ('spoiltEventId' in record) return record.spoiltEventId;
  return 'eventId' in record ? record.eventId : record.unreadableKey;
}

/** Ids of those of which something is stored, whether it can be read or not. */
export function storedEvents(topic: readonly TopicRecord[]): ReadonlySet<string | undefined> {
  const { records, unreadable } = storedIn(topic);
  return new Set([...records.map(({ event }) => event.eventId), ...unreadable.map(({ key }) => key)]);
}

/** The id of the event that consumers miss since an operator has asked for it. */
export function eventGivenUpBy(write: HeldWrite<ModelEvent>): string | undefined {
  if ('doneRequestId' in write || write.requestId === undefined) return undefined;
  if ('unreadableKey' in write) return write.unreadableKey;
  return write.record ? undefined : write.eventId;
}

/** Throws when an operator's request takes more than was seen. */
export function checkServed(
  topic: readonly TopicRecord[],
  event: ModelEvent,
  write: HeldWrite<ModelEvent>,
): void {
  const requestId = 'requestId' in write ? write.requestId : undefined;
  const request = topic.flatMap((each) =>
    'request' in each && each.request.id === requestId ? each.request : [],
  )[0];
  assert.ok(request && request.kind !== 'requeue', `${event.eventId} is given up though nobody asked for it`);
  if (request.kind === 'discard unreadable') return assert.equal(request.recordKey, event.eventId);
  assert.ok(request.orderId === event.orderId && event.offset <= request.upToOffset, event.eventId);
}

/** A client rejects one of the events that it was sent and has said nothing of. */
export function rejectOne(owner: Owner, at: { pick: number; nowMs: number }, faults: HeldFaults): void {
  const { deliveries, held, progress } = owner;
  const out = deliveries.filter(({ state }) => state === 'out');
  const event = out[at.pick % Math.max(1, out.length)]?.event;
  if (!event) return;
  const { eventId, orderId, offset } = event;
  const rejection = { reason: 'no', setAside: at.pick % 5 === 0 };
  const isLater = (each: ModelEvent) => each.orderId === orderId && each.offset > offset;
  // By its id: whatever the client has said of it, and of what came behind it, where that was sent once more since a rebalance.
  for (const each of deliveries) {
    if (each.event === event) each.state = 'rejected';
    else if (isLater(each.event) && !faults.leavesLaterOut) each.state = 'taken back';
  }
  if (held.rejectAgain(eventId, rejection, at.nowMs)) return;
  const [target] = progress.take(0, (each) => each === event);
  if (!target) return;
  const later = faults.leavesLaterOut ? [] : progress.take(0, isLater);
  held.reject(target, later, rejection, at.nowMs);
}

/** Throws when the owner must not send the event now. */
export function checkDelivery(
  log: readonly ModelEvent[],
  owner: Owner,
  event: ModelEvent,
  isInOffice: boolean,
): void {
  const own = (other: ModelEvent) =>
    owner.deliveries.some((delivery) => delivery.event === other && delivery.state === 'out');
  for (const other of log.filter(({ orderId }) => orderId === event.orderId)) {
    if (other.offset < event.offset)
      assert.ok(
        other.isHandled || other.isGivenUp || own(other),
        `${event.eventId} overtakes ${other.eventId}`,
      );
    else if (isInOffice && other !== event)
      assert.ok(!other.isTold, `${event.eventId} comes again behind ${other.eventId}`);
  }
  if (isInOffice) assert.ok(!event.isTold && !event.isPassed, `${event.eventId} comes again`);
}
