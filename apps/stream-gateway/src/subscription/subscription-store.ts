import type { CommittedOffset, GroupClient, GroupOffsets } from '@order-events/messaging';
import { readOlderGroup } from './older-group.ts';
import { subscriptionGroupId, subscriptionOfGroup, subscriptionOfOlderGroup } from './subscription-name.ts';

/** What Kafka has stored of a subscription, and who is there. */
export interface StoredSubscription {
  readonly committed: ReadonlyMap<number, CommittedOffset>;
  readonly members: number;
  readonly foreignClients: readonly GroupClient[];
  /** Streams at older gateways, counted until the subscription has a position of its own. */
  readonly olderMembers: number;
}

export interface SubscriptionStore {
  /** From the group of the subscription and, until that has a position, from the older one; undefined when there is neither. */
  read(name: string, signal: AbortSignal): Promise<StoredSubscription | undefined>;
  /** Of all subscriptions of the topic, in order; some may be another topic's, which `read` then does not find. */
  names(signal: AbortSignal): Promise<string[]>;
}

export function createSubscriptionStore(
  offsets: Pick<GroupOffsets, 'topic' | 'describe' | 'fetch' | 'list'>,
): SubscriptionStore {
  return {
    async read(name, signal) {
      const groupId = subscriptionGroupId(offsets.topic, name);
      const [group, committed] = await Promise.all([
        offsets.describe(groupId, signal),
        offsets.fetch(groupId, signal),
      ]);
      const members = { members: group?.members ?? 0, foreignClients: group?.foreignClients ?? [] };
      if (committed.size > 0) return { ...members, committed, olderMembers: 0 };
      const older = await readOlderGroup(offsets, name, signal);
      if (!group && older.committed.size === 0 && older.members === 0) return undefined;
      return { ...members, committed: older.committed, olderMembers: older.members };
    },

    async names(signal) {
      const names = (await offsets.list(signal)).flatMap(
        (groupId) => subscriptionOfGroup(offsets.topic, groupId) ?? subscriptionOfOlderGroup(groupId) ?? [],
      );
      return [...new Set(names)].toSorted();
    },
  };
}
