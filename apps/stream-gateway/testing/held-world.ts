import assert from 'node:assert/strict';
import { createMemberProgress } from '../src/consume/member-progress.ts';
import { createUnacknowledgedEvents } from '../src/consume/unacknowledged-events.ts';
import { createHeldPartition } from '../src/held/held-partition.ts';
import { createOwedAnswers } from '../src/held/owed-answers.ts';
import type { HeldWrite } from '../src/held/held-partition-api.ts';
import {
  checkDelivery,
  checkServed,
  eventGivenUpBy,
  type HeldAction,
  type HeldFaults,
  type ModelEvent,
  nextEvent,
  rejectOne,
  type Owner,
  storedEvents,
  storedIn,
  type TopicRecord,
} from './held-world-parts.ts';
import { createHeldOperators } from './held-world-operators.ts';

const ORDERS = 3;
const POLICY = { maxAttempts: 3, firstDelayMs: 10, growth: 2, maxDelayMs: 30 };

/** Kafka, any number of streams that believe to have the partition, and their clients. Throws when a promise is broken. */
export function createHeldWorld(faults: HeldFaults = {}) {
  const log: ModelEvent[] = [];
  const topic: TopicRecord[] = [];
  const operators = createHeldOperators(topic, ORDERS, faults);
  const owners: Owner[] = [];
  const make = faults.make ?? createHeldPartition<ModelEvent>;
  let committed: { offset: bigint; mark: bigint | undefined } = { offset: 0n, mark: undefined };
  let [epoch, generation, nowMs] = [0, 0, 0];
  let hasMoved = false;

  function takeOver(): void {
    generation += 1;
    const unstored = () => (faults.commitsPastUnstored ? undefined : owner.held.unstoredOffset());
    const progress = createMemberProgress(createUnacknowledgedEvents<ModelEvent>(50, true), unstored);
    const held = make(POLICY, committed.mark);
    const owner: Owner = {
      ...{ generation, held, progress, deliveries: [], epoch: -1, acknowledged: 0 },
      ...{ writing: undefined, committing: undefined, isStopped: false },
      ...{ stale: storedIn(topic), readTo: topic.length, owed: createOwedAnswers() },
    };
    progress.assign(new Map([[0, committed.offset]]));
    owners.unshift(owner);
  }

  function deliver(owner: Owner, event: ModelEvent, message: number): void {
    checkDelivery(log, owner, event, owner.generation === generation);
    owner.deliveries.push({ event, message, state: 'out' });
  }

  function beginCommit(owner: Owner): void {
    const mark = owner.held.mark();
    const offset = owner.progress.uncommitted().get(0) ?? owner.progress.stored(0) ?? 0n;
    const message = owner.progress.isHeldBack() && !faults.tellsHeldBack ? 0 : owner.acknowledged;
    owner.committing = { offset, mark, message };
  }

  /** Answers whether the owner was still in office. */
  function endCommit(owner: Owner): boolean {
    const { committing } = owner;
    owner.committing = undefined;
    if (!committing || owner.generation !== generation) return false;
    committed = { offset: committing.offset, mark: committing.mark };
    owner.progress.committed(new Map([[0, committing.offset]]));
    const owed = faults.tellsOwed ? undefined : owner.owed.firstMessage(() => owner.held);
    const unwritten = faults.tellsUnwritten ? undefined : owner.held.unwrittenMessage();
    const limits = [owed, unwritten].map((message) => (message ?? Number.POSITIVE_INFINITY) - 1);
    const told = Math.min(committing.message, ...limits);
    for (const { event, message, state } of owner.deliveries) {
      if (state === 'handled' && message <= told) event.isTold = true;
    }
    return true;
  }

  function mark(owner: Owner): boolean {
    if (faults.unmarked) return true;
    if (owner.committing) endCommit(owner);
    beginCommit(owner);
    return endCommit(owner);
  }

  function append(owner: Owner, writing: readonly HeldWrite<ModelEvent>[]): void {
    topic.push(...writing);
    for (const each of writing) {
      const event = log.find(({ eventId }) => eventId === eventGivenUpBy(each));
      if (!event) continue;
      checkServed(topic, event, each);
      event.isGivenUp = true;
    }
    owner.held.written(writing);
  }

  function work(owner: Owner): boolean {
    if (owner.writing) {
      const { writing } = owner;
      owner.writing = undefined;
      if (!faults.unfenced && owner.epoch !== epoch) owner.isStopped = true;
      else append(owner, writing);
      return true;
    }
    const step = owner.held.step();
    if (step?.kind === 'claim') {
      owner.epoch = epoch += 1;
      owner.held.claimed();
    } else if (step?.kind === 'mark') {
      if (mark(owner)) owner.held.marked();
      else owner.isStopped = true;
    } else if (step?.kind === 'load') {
      owner.held.loaded(step.asked, faults.readsBeforeFence ? owner.stale : storedIn(topic));
      owner.readTo = topic.length;
    } else if (step?.kind === 'look') {
      owner.held.looked(step.asked, storedIn(topic, owner.readTo));
      owner.readTo = topic.length;
    } else if (step?.kind === 'write') owner.writing = step.writes;
    return step !== undefined;
  }

  function read(owner: Owner): boolean {
    const { held, progress } = owner;
    const event = log[Number(progress.cursor[0])];
    if (!event || !held.isReady() || progress.credit() === 0) return false;
    progress.cursor[0] = event.offset + 1n;
    if (held.arrive(event) === 'send') deliver(owner, event, progress.sent([event]));
    return true;
  }

  function sendAgain(owner: Owner): boolean {
    const { held, progress } = owner;
    const due = held.due(nowMs, progress.doneUpTo(0));
    if (!due) return false;
    const message = progress.sent([]);
    held.sent(due.event.eventId, message);
    deliver(owner, due.event, message);
    return true;
  }

  function acknowledge(owner: Owner, pick: number): void {
    const newest = owner.progress.newestMessage();
    const message = owner.acknowledged + Math.min(newest - owner.acknowledged, pick);
    owner.acknowledged = message;
    owner.progress.acknowledge(message);
    owner.held.acknowledge(message);
    for (const delivery of owner.deliveries) {
      if (delivery.state !== 'out' || delivery.message > message) continue;
      delivery.state = 'handled';
      delivery.event.isHandled = true;
    }
  }

  /** Moves the subscription to where it stands, which gives up what is held. */
  function seek(): void {
    hasMoved = true;
    generation += 1;
    for (const owner of owners) owner.isStopped = true;
    const stored = storedEvents(topic);
    for (const event of committed.mark === undefined ? [] : log) {
      if (stored.has(event.eventId) && event.offset < committed.offset)
        event.isGivenUp = event.isPassed = true;
    }
    committed = { ...committed, mark: undefined };
    takeOver();
  }

  /** A rebalance that leaves the partition where it is: the same stream begins it once more, and its client is not told. */
  function beginAnew(owner: Owner, pick: number): void {
    if (owner.generation !== generation) return;
    // What is under way arrives before that, or never.
    if (pick % 2 === 0 && owner.committing) endCommit(owner);
    if (pick % 3 === 0 && owner.writing && owner.epoch === epoch) append(owner, owner.writing);
    owner.generation = generation += 1;
    owner.owed.add(0, owner.held);
    owner.held = make(POLICY, committed.mark);
    if (faults.forgetsSent) owner.progress.assign(new Map());
    owner.progress.assign(new Map([[0, committed.offset]]), new Set([0]));
    Object.assign(owner, { epoch: -1, writing: undefined, committing: undefined });
    Object.assign(owner, { stale: storedIn(topic), readTo: topic.length });
  }

  function act({ kind, owner: which, pick }: HeldAction): void {
    if (kind === 'append') return void log.push(nextEvent(log, `order ${pick % ORDERS}`));
    if (kind === 'take over') return takeOver();
    if (kind === 'seek') return seek();
    if (kind === 'requeue' || kind === 'discard') {
      return committed.mark === undefined ? undefined : operators.ask(kind, pick);
    }
    if (kind === 'spoil' || kind === 'give up') return operators[kind](pick);
    if (kind === 'arrive') return void operators.arrive();
    if (kind === 'wait') return void (nowMs += pick * 10);
    const owner = owners[which];
    if (!owner || owner.isStopped) return;
    if (kind === 'work') work(owner);
    else if (kind === 'begin anew') beginAnew(owner, pick);
    else if (kind === 'read') read(owner);
    else if (kind === 'send again') sendAgain(owner);
    else if (kind === 'acknowledge') acknowledge(owner, pick);
    else if (kind === 'reject') rejectOne(owner, { pick, nowMs }, faults);
    else if (kind === 'look') owner.held.asked();
    else if (owner.committing) endCommit(owner);
    else beginCommit(owner);
  }

  /** One more owner, to whom nothing happens and whose client takes everything: all must be handled in the end. */
  function settle(): void {
    while (operators.arrive());
    const isMarked = committed.mark !== undefined;
    takeOver();
    const [owner] = owners;
    assert.ok(owner);
    for (let turns = 0; turns < 10 * log.length + 100; turns += 1) {
      if (owner.held.unreadable().length > 0) {
        operators['give up'](0);
        operators.arrive();
        owner.held.asked();
      }
      if (owner.held.records().some(({ state }) => state.isSetAside)) {
        operators.ask('requeue', 9);
        operators.arrive();
        owner.held.asked();
      }
      nowMs += 100;
      while (work(owner));
      read(owner);
      sendAgain(owner);
      acknowledge(owner, 1_000);
      while (work(owner));
      beginCommit(owner);
      endCommit(owner);
      assert.ok(!owner.isStopped, 'the last owner is fenced');
    }
    const left = log.filter((event) => !event.isHandled && !event.isGivenUp);
    assert.deepEqual(
      left.map(({ eventId }) => eventId),
      [],
      'skipped',
    );
    assert.deepEqual(committed, { offset: BigInt(log.length), mark: undefined });
    // What was given up may lie there until somebody holds something again.
    if (!hasMoved) assert.deepEqual(storedIn(topic).records, []);
    // One that came when nothing was held any more may lie there as well.
    if (isMarked) assert.deepEqual(storedIn(topic).requests, [], 'not done');
  }

  takeOver();
  return { act, settle };
}
