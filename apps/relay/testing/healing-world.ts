import assert from 'node:assert/strict';
import type { PartitionClaim } from '@order-events/messaging';
import type { Checkpoint, Cursor, TakeUpPoint } from '@order-events/outbox';
import { type PendingEvent } from '@order-events/outbox/pending-event';
import { createLogger } from '@order-events/runtime';
import { takeUpPoint } from '../../../packages/outbox/src/history/take-up-point.ts';
import { createKeyParking } from '../src/publish/key-parking.ts';
import { createPartitionWriter } from '../src/publish/partition-writer.ts';
import { nextCheckpoint } from '../src/run/next-checkpoint.ts';
import { createSimulatedLog } from './cut-log.ts';
import { createHealingBroker, type HealingAction, type HealingFaults, type Owner } from './healing-broker.ts';

const PARTITION = 0;
const KEYS = 3;
const NEVER = new AbortController().signal;
const log = createLogger({ service: 'test', level: 'silent' });
const at = (position: number): Cursor => ({ snapshot: String(position) });
const positionOf = ({ snapshot, page }: Cursor): number => (page ? Number(page.afterSeq) : Number(snapshot));

/** One partition with its outbox, its row, its log, and relays that take it over from each other, some without knowing. */
export function createHealingWorld(faults: HealingFaults = {}) {
  const { takeUp = takeUpPoint, next = nextCheckpoint } = faults;
  const outbox: PendingEvent[] = [];
  const topic = createSimulatedLog();
  const row = { owner: -1, checkpoint: { cursor: at(0), logOffset: 0n } as Checkpoint };
  /** Told to be lost, or deleted by retention: not to be published again. */
  const excused = new Set<string>();
  const told: TakeUpPoint['heals'][] = [];
  let owners: Owner[] = [];
  let ownerCount = 0;
  let nowMs = 1_000_000;
  const broker = createHealingBroker(topic, faults);

  /** As a row: what is stored comes back equal, and is nobody's. */
  const stored = (checkpoint: Checkpoint): Checkpoint => structuredClone(checkpoint);

  function takeOver(): void {
    const number = ownerCount;
    ownerCount += 1;
    row.owner = number;
    const checkpoint = stored(row.checkpoint);
    const owner: Owner = {
      ...{
        number,
        checkpoint,
        claimed: false,
        inheritedTarget: undefined,
        claim: -1,
        nextOffset: 0n,
        generation: -1,
        fate: 0,
      },
      writer: createPartitionWriter({
        partition: PARTITION,
        fromOffset: checkpoint.logOffset,
        publisher: {
          publish: async (events) =>
            broker.publish(
              owner,
              events.map(({ eventId }) => eventId),
              events.map(({ key }) => key),
            ),
        },
        claims: { claim: (_, fromOffset, __, mark) => broker.claim(owner, fromOffset, mark) },
        onOnlyInTopic() {},
        parking: createKeyParking(
          PARTITION,
          { firstOf: async () => new Map(), park: async () => {} },
          () => {},
        ),
        observer: { published() {}, alreadyPublished() {}, failed() {} },
        log,
      }),
    };
    // Former ones may not know it yet.
    owners = [owner, ...owners].slice(0, 3);
  }

  function heal(owner: Owner, claimed: PartitionClaim): void {
    const point = takeUp(owner.checkpoint, {
      ...{ topicId: claimed.topicId, startOffset: claimed.startOffset, endOffset: claimed.endBefore },
      eventAt: (offset) => topic.eventAt(offset),
      ...{ ledgerOffset: claimed.readFrom, last: claimed.mark.last },
    });
    owners = owners.filter((one) => one !== owner);
    if (row.owner !== owner.number) return;
    row.owner = -1;
    row.checkpoint = stored(point.checkpoint);
    told.push(point.heals);
    if (point.heals === 'whole') return;
    excuse(positionOf(point.checkpoint.cursor));
    // A former owner that begins from before what is told to be lost is more than is promised.
    owners = [];
  }

  function excuse(position: number): void {
    const present = new Set(topic.events().map(({ eventId }) => eventId));
    for (const { eventId } of outbox.slice(0, position)) if (!present.has(eventId)) excused.add(eventId);
  }

  async function claimOrHeal(owner: Owner): Promise<void> {
    owner.claimed = false;
    owner.inheritedTarget = owner.checkpoint.cursor.page?.target;
    const claimed = await owner.writer.claim(NEVER, owner.checkpoint.mark).catch(() => undefined);
    if (!claimed) owners = owners.filter((one) => one !== owner);
    else if (claimed.truncated) heal(owner, claimed);
    else {
      owner.claimed = true;
      owner.checkpoint = next(owner.checkpoint, owner.checkpoint.cursor, owner.writer, nowMs);
    }
  }

  /** One page of the window in progress, or of a new one. */
  async function work(owner: Owner, pick: number): Promise<void> {
    if (!owner.claimed) return claimOrHeal(owner);
    const { cursor } = owner.checkpoint;
    const target = Number(cursor.page?.target ?? outbox.length);
    const from = positionOf(cursor);
    const to = Math.min(target, from + 1 + (pick % 4));
    if (from >= target && !cursor.page) {
      // Who has nothing to publish looks whether the log is as long as it was.
      if (topic.end < owner.nextOffset) owner.claimed = false;
      else advance(owner, at(target));
      return;
    }
    owner.fate = pick >= 4 ? 0 : pick;
    const result = await owner.writer.deliver(outbox.slice(from, to), NEVER);
    if (result === 'unclaimed') owner.claimed = false;
    if (result !== 'published') return;
    const page = { target: String(target), afterSeq: BigInt(to), endSeq: BigInt(target) };
    advance(owner, to >= target ? at(target) : { snapshot: cursor.snapshot, page });
  }

  function advance(owner: Owner, cursor: Cursor): void {
    if (cursor.page === undefined && cursor.snapshot !== owner.inheritedTarget) owner.writer.forgetLedger();
    owner.checkpoint = next(owner.checkpoint, cursor, owner.writer, nowMs);
  }

  function check(): void {
    const events = topic.events();
    const ids = events.map(({ eventId }) => eventId);
    assert.equal(new Set(ids).size, ids.length, `an event is twice in the log: ${ids.join()}`);
    for (let key = 0; key < KEYS; key += 1) {
      const numbers = events.filter((one) => one.key === key).map(({ eventId }) => Number(eventId));
      assert.deepEqual(
        numbers,
        numbers.toSorted((a, b) => a - b),
        'events of a key are out of order',
      );
    }
  }

  async function act({ kind, owner: index, pick }: HealingAction): Promise<void> {
    const owner = owners[index % Math.max(1, owners.length)];
    if (kind === 'commit') {
      const seq = outbox.length;
      const fields = {
        eventType: 'order.updated',
        payload: '{}',
        headers: {},
        createdAt: new Date(0),
      } as const;
      outbox.push({
        ...fields,
        partition: 0,
        seq: BigInt(seq),
        eventId: String(seq),
        key: String(pick % KEYS),
      });
    } else if (kind === 'take over') takeOver();
    else if (kind === 'work' && owner) await work(owner, pick);
    else if (kind === 'renew' && owner && row.owner === owner.number)
      row.checkpoint = stored(owner.checkpoint);
    else if (kind === 'kill') owners = owners.filter((one) => one !== owner);
    else if (kind === 'cut') lose(() => topic.cut(topic.end - BigInt(pick * pick)));
    else if (kind === 'recreate') lose(() => topic.recreate());
    else if (kind === 'expire') expire(topic.end - BigInt(pick));
    else if (kind === 'wait') nowMs += 4_000 * (1 + pick * pick);
    else if (kind === 'claim in vain' && owner) {
      broker.claimInVain();
      owner.claimed = false;
    }
    check();
  }

  /** A former owner that goes on writing, whose fence is lost with the log, is more than is promised. */
  function lose(what: () => void): void {
    const fence = topic.newestClaim();
    what();
    if (topic.newestClaim() < fence) owners = owners.filter(({ claim }) => claim < 0 || claim >= fence);
  }

  function expire(to: bigint): void {
    // A retention so short that it deletes what an owner has to read back, or look for, is another fault: of the next one, and of a
    // former one that does not know yet that it is over.
    const isIntact = ({ mark }: Checkpoint) =>
      mark === undefined ||
      (mark.topicId === topic.topicId &&
        (mark.last === undefined ||
          mark.last.offset < topic.start ||
          topic.eventAt(mark.last.offset) === mark.last.eventId));
    const neededBy = (checkpoint: Checkpoint, logOffset: bigint) => (isIntact(checkpoint) ? logOffset : 0n);
    const needed = [
      neededBy(row.checkpoint, row.checkpoint.logOffset),
      ...owners.map(({ checkpoint, writer }) => neededBy(checkpoint, writer.logOffset())),
      to,
    ];
    const first = needed.reduce((least, offset) => (offset < least ? offset : least));
    for (const { eventId, offset } of topic.events()) if (offset < first) excused.add(eventId);
    topic.expire(first);
  }

  return {
    act,
    told,
    /** In peace everything that was committed is in the log, but for what was told to be lost. */
    async settle(): Promise<void> {
      for (let turn = 0; turn < 12; turn += 1) {
        if (owners[0] === undefined || owners[0].number !== row.owner) takeOver();
        for (let step = 0; step < outbox.length + 4; step += 1) {
          const [owner] = owners;
          if (owner) await work(owner, 7);
        }
        check();
      }
      const ids = new Set(topic.events().map(({ eventId }) => eventId));
      const missing = outbox.filter(({ eventId }) => !ids.has(eventId) && !excused.has(eventId));
      assert.deepEqual(
        missing.map(({ eventId }) => eventId),
        [],
        'events are missing',
      );
    },
  };
}
