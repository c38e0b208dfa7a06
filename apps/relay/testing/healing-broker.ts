import type { PublishOutcome } from '@order-events/domain';
import type { PartitionClaim } from '@order-events/messaging';
import type { Checkpoint } from '@order-events/outbox';
import { readBack } from '../../../packages/messaging/src/publish/read-back.ts';
import type { takeUpPoint } from '../../../packages/outbox/src/history/take-up-point.ts';
import type { PartitionWriter } from '../src/publish/partition-writer.ts';
import type { nextCheckpoint } from '../src/run/next-checkpoint.ts';
import type { SimulatedLog } from './cut-log.ts';

export interface HealingAction {
  readonly kind:
    | 'commit'
    | 'take over'
    | 'work'
    | 'renew'
    | 'kill'
    | 'cut'
    | 'recreate'
    | 'expire'
    | 'wait'
    | 'claim in vain';
  /** Which of the owners that live, the newest first. */
  readonly owner: number;
  readonly pick: number;
}

/** What may be wrong, for the mutants. */
export interface HealingFaults {
  readonly takeUp?: typeof takeUpPoint;
  readonly next?: typeof nextCheckpoint;
  readonly back?: typeof readBack;
  /** Appends to whatever log answers. */
  readonly unchecked?: boolean;
}

export interface Owner {
  readonly number: number;
  readonly writer: PartitionWriter;
  checkpoint: Checkpoint;
  claimed: boolean;
  inheritedTarget: string | undefined;
  /** The number of its claim: each is newer than all before, whoever makes it. */
  claim: number;
  nextOffset: bigint;
  generation: number;
  /** What the next append meets: all is well, a part is held, or the answer is lost before or behind the log. */
  fate: number;
}

const PARTITION = 0;
const NEVER = new AbortController().signal;

/** What owners ask of Kafka: to be the only writer, and to append. */
export function createHealingBroker(topic: SimulatedLog, faults: HealingFaults) {
  const { back = readBack } = faults;
  let claimCount = 0;

  async function claim(owner: Owner, fromOffset: bigint, mark: Checkpoint['mark']): Promise<PartitionClaim> {
    const { topicId, start: startOffset, end: endBefore } = topic;
    claimCount += 1;
    owner.claim = claimCount;
    topic.append({ fencedBy: owner.claim });
    const endOffset = topic.end;
    const known = { partition: PARTITION, topicId, startOffset, endBefore, endOffset, fromOffset, mark };
    const { ids, last, from, truncated } = await back(topic, known, NEVER);
    owner.nextOffset = endOffset;
    owner.generation = topic.generation;
    return {
      ...{ partition: PARTITION, topicId, startOffset, endBefore, endOffset, truncated },
      ...{ publishedIds: ids, readFrom: from },
      mark: { topicId, last: last ?? (truncated ? undefined : mark?.last) },
    };
  }

  function publish(owner: Owner, ids: readonly string[], keys: readonly string[]): PublishOutcome[] {
    const fate = owner.fate;
    owner.fate = 0;
    const unknown = ids.map((): PublishOutcome => ({ kind: 'unknown', reason: 'no answer' }));
    if (owner.claim < topic.newestClaim()) return unknown;
    if (owner.generation !== topic.generation && !faults.unchecked) {
      if (topic.end < owner.nextOffset) return unknown;
      owner.generation = topic.generation;
    }
    if (fate === 1) return unknown;
    const expected = owner.nextOffset;
    const count = fate === 2 ? ids.length >> 1 : ids.length;
    const offsets = ids
      .slice(0, count)
      .map((eventId, index) => topic.append({ eventId, key: Number(keys[index]) }));
    if (fate === 3 || (offsets[0] !== undefined && offsets[0] !== expected)) return unknown;
    owner.nextOffset = topic.end;
    return ids.map((_, index) => {
      const offset = offsets[index];
      return offset === undefined ? { kind: 'held' } : { kind: 'published', offset };
    });
  }

  return {
    claim,
    publish,
    /** Fences the others, and dies of it. */
    claimInVain(): void {
      claimCount += 1;
      topic.append({ fencedBy: claimCount });
    },
  };
}
