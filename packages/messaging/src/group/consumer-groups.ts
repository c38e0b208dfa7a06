import { createCoordinators } from './coordinator-client.ts';
import { createGroupMember, type GroupMember, type GroupMemberOptions } from './group-member.ts';
import { createGroupOffsets, type GroupOffsets } from './group-offsets.ts';
import { createTopicCluster, type KafkaConnectionConfig } from '../cluster/topic-cluster.ts';

/** Consumer groups of one topic: from outside, and as their members. All share what is known of the cluster. */
export interface ConsumerGroups {
  readonly offsets: GroupOffsets;
  /** A member that has not joined yet. It has a connection of its own. */
  member(options: GroupMemberOptions): GroupMember;
  /** Ends everything under way and closes all connections; members that have not been stopped end without leaving their group. */
  close(): void;
}

export interface ConsumerGroupsConfig extends KafkaConnectionConfig {
  readonly topic: string;
}

const MEMBER_DEFAULTS = { sessionTimeoutMs: 10_000, heartbeatIntervalMs: 500, partitionCheckMs: 2_000 };

/** Connects with the first call. Throws a RangeError when the configuration cannot work. */
export function createConsumerGroups(config: ConsumerGroupsConfig): ConsumerGroups {
  const cluster = createTopicCluster(config, config.topic);
  const coordinators = createCoordinators(cluster, 'group');
  return {
    offsets: createGroupOffsets(cluster, coordinators),
    member: (options) => createGroupMember(config, cluster, coordinators, { ...MEMBER_DEFAULTS, ...options }),
    close: () => cluster.close(),
  };
}
