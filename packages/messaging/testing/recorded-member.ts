import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { eventually } from '../../../test/harness/index.ts';
import type { ConsumerGroups } from '../src/group/consumer-groups.ts';
import type { GroupMember, GroupMemberOptions } from '../src/group/group-member.ts';
import type { CommittedOffset, GroupClient } from '../src/wire/group.ts';

export interface Assignment {
  readonly partitions: readonly number[];
  readonly committed: ReadonlyMap<number, CommittedOffset>;
}

export interface RecordedMember extends GroupMember {
  /** What it was told, in order: assigned, revoked, available, unavailable, foreign members. */
  readonly told: string[];
  /** Those that keep it out, as it was told last. */
  foreignClients(): readonly GroupClient[];
  /** The newest; undefined from a revocation to the next assignment. */
  current(): Assignment | undefined;
  /** Waits until the member has so many partitions. */
  hasPartitions(count: number): Promise<Assignment>;
}

/** A member that has been started, and is stopped after the test. `onRevoked` may commit. */
export function recordMember(
  t: TestContext,
  groups: ConsumerGroups,
  options: Omit<GroupMemberOptions, 'events' | 'clientId'> & { onRevoked?: () => Promise<void> },
): RecordedMember {
  const told: string[] = [];
  let current: Assignment | undefined;
  let foreignClients: readonly GroupClient[] = [];
  const { onRevoked, ...rest } = options;
  const member = groups.member({
    clientId: 'member',
    heartbeatIntervalMs: 100,
    ...rest,
    events: {
      onAssigned(partitions, committed) {
        told.push('assigned');
        current = { partitions, committed };
      },
      async onRevoked() {
        told.push('revoked');
        await onRevoked?.();
        current = undefined;
      },
      onForeignMembers({ clients }) {
        foreignClients = clients;
        told.push('foreign members');
      },
      onAvailable: () => told.push('available'),
      onUnavailable: () => told.push('unavailable'),
    },
  });
  t.after(() => member.stop());
  member.start();
  return {
    ...member,
    told,
    current: () => current,
    foreignClients: () => foreignClients,
    hasPartitions: (count) =>
      eventually(() => {
        assert.equal(current?.partitions.length, count);
        return current;
      }),
  };
}
