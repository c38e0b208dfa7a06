import assert from 'node:assert/strict';
import type { MemberProgress } from '../src/consume/member-progress.ts';

export const PARTITIONS = 3;
export const MAX_UNACKNOWLEDGED = 5;

/** What can happen in a group of two members; numbers choose one of what there is at that moment. */
export type GroupStep =
  | { readonly kind: 'append'; readonly partition: number; readonly matches: boolean }
  | { readonly kind: 'send'; readonly member: number; readonly most: number }
  | { readonly kind: 'acknowledge'; readonly member: number; readonly share: number }
  | { readonly kind: 'commit'; readonly member: number; readonly answerIsLost: boolean }
  /** By partition: the member, or none. */
  | { readonly kind: 'rebalance'; readonly owners: readonly (number | undefined)[] }
  | { readonly kind: 'learn'; readonly member: number }
  | { readonly kind: 'crash'; readonly member: number };

interface Member {
  progress: MemberProgress;
  generation: number;
  /** Committed offsets as the member knows them. */
  stored: ReadonlyMap<number, bigint>;
  newestMessage: number;
  messages: { number: number; events: readonly string[] }[];
}

/** A topic, a consumer group as the broker keeps it, and members whose clients acknowledge at random. Fails the test that loses an event. */
export function createConsumerGroupModel(createProgress: () => MemberProgress) {
  /** Whether the event at an offset passes the filter. */
  const log: boolean[][] = Array.from({ length: PARTITIONS }, () => []);
  const committed = new Map(log.map((_, partition) => [partition, 0n]));
  const processed = new Set<string>();
  let owners: readonly (number | undefined)[] = [];
  let generation = 0;
  const members = [newMember(), newMember()];

  function newMember(): Member {
    return { progress: createProgress(), generation: -1, stored: new Map(), newestMessage: 0, messages: [] };
  }

  function member(index: number): Member {
    return members[index] ?? assert.fail(`no member ${index}`);
  }

  function matches(partition: number, offset: bigint): boolean {
    return log[partition]?.[Number(offset)] ?? false;
  }

  function send(to: Member, most: number): void {
    const { progress } = to;
    const events: { partition: number; offset: bigint }[] = [];
    const room = Math.min(most, progress.credit());
    for (const partition of progress.partitions()) {
      for (
        let offset = progress.cursor[partition] ?? 0n;
        offset < BigInt(log[partition]!.length);
        offset += 1n
      ) {
        const isMatch = matches(partition, offset);
        if (isMatch && events.length === room) break;
        if (isMatch) events.push({ partition, offset });
        progress.cursor[partition] = offset + 1n;
      }
    }
    if (events.length === 0) return;
    to.newestMessage = progress.sent(events);
    to.messages.push({
      number: to.newestMessage,
      events: events.map(({ partition, offset }) => `${partition}/${offset}`),
    });
  }

  function acknowledge(by: Member, number: number): void {
    by.progress.acknowledge(number);
    for (const message of by.messages) {
      if (message.number <= number) for (const event of message.events) processed.add(event);
    }
  }

  function commit(by: Member, answerIsLost: boolean): void {
    if (by.generation !== generation) return;
    const offsets = by.progress.uncommitted();
    for (const [partition, offset] of offsets) {
      assert.ok(offset >= committed.get(partition)!, `partition ${partition} is set back to ${offset}`);
      committed.set(partition, offset);
    }
    if (!answerIsLost) {
      by.progress.committed(offsets);
      by.stored = new Map([...by.stored, ...offsets]);
    }
    noneIsLost();
  }

  function noneIsLost(): void {
    for (const [partition, end] of committed) {
      for (let offset = 0n; offset < end; offset += 1n) {
        if (!matches(partition, offset)) continue;
        assert.ok(
          processed.has(`${partition}/${offset}`),
          `${partition}/${offset} is lost: ${end} is committed`,
        );
      }
    }
  }

  function learn(index: number): void {
    const to = member(index);
    to.generation = generation;
    to.stored = new Map([...committed].filter(([partition]) => owners[partition] === index));
    to.progress.assign(to.stored);
  }

  /** The credit that is used is what was sent and not acknowledged of the partitions that the member has. */
  function creditIsExact({ progress, stored }: Member): void {
    const uncommitted = progress.uncommitted();
    let waiting = 0;
    for (const partition of progress.partitions()) {
      const done = uncommitted.get(partition) ?? stored.get(partition) ?? 0n;
      const end = progress.cursor[partition] ?? 0n;
      for (let offset = done; offset < end; offset += 1n) if (matches(partition, offset)) waiting += 1;
    }
    assert.equal(progress.unacknowledged(), waiting, 'unacknowledged events');
    assert.equal(progress.credit(), MAX_UNACKNOWLEDGED - waiting, 'credit');
  }

  function run(step: GroupStep): void {
    switch (step.kind) {
      case 'append':
        return void log[step.partition]!.push(step.matches);
      case 'send':
        return send(member(step.member), step.most);
      case 'acknowledge': {
        const by = member(step.member);
        return acknowledge(by, Math.floor(by.newestMessage * step.share));
      }
      case 'commit':
        return commit(member(step.member), step.answerIsLost);
      case 'rebalance':
        owners = step.owners;
        generation += 1;
        return;
      case 'learn':
        return learn(step.member);
      case 'crash':
        members[step.member] = newMember();
    }
  }

  return {
    run(step: GroupStep): void {
      run(step);
      for (const each of members) creditIsExact(each);
    },
    /** One member has all partitions and its client acknowledges all: then everything is stored as done. */
    settle(): void {
      run({ kind: 'rebalance', owners: log.map(() => 0) });
      learn(0);
      const last = member(0);
      const events = log.flat().length;
      for (let round = 0; round <= events; round += 1) {
        send(last, MAX_UNACKNOWLEDGED);
        acknowledge(last, last.newestMessage);
        commit(last, false);
      }
      assert.equal(last.progress.credit(), MAX_UNACKNOWLEDGED, 'credit is not given back');
      assert.deepEqual(
        [...committed.values()],
        log.map((events) => BigInt(events.length)),
        'not everything is stored as done',
      );
    },
  };
}
