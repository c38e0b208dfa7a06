import type { Coordinators } from './coordinator-client.ts';
import { commitInGeneration, type GroupCommit } from './group-commit.ts';
import { GroupHasForeignMembersError } from './group-error.ts';
import { type GroupGeneration, startGeneration } from './group-generation.ts';
import { isOvertaken, joinGroup, type Membership } from './group-join.ts';
import { linkAbort } from '../cluster/linked-abort.ts';
import { RETRY } from '../cluster/retry-figures.ts';
import { createRetryPause, pause } from '../cluster/retry-pause.ts';
import type { KafkaConnectionConfig, TopicCluster } from '../cluster/topic-cluster.ts';
import { withDeadline } from '../cluster/with-deadline.ts';
import { type BrokerConnection, connectToBroker } from '../wire/broker-connection.ts';
import type { CommitMetadata, CommittedOffset } from '../wire/group.ts';
import { heartbeatRequest, leaveGroupRequest } from '../wire/group-membership.ts';
import { ERROR_CODE, KafkaProtocolError } from '../wire/protocol-error.ts';

/** None of them may throw. None is called after `stop`. */
export interface GroupMemberEvents {
  /** The member has these partitions from now on, and what the group has committed for them. Told after every rebalance. */
  onAssigned(partitions: readonly number[], committed: ReadonlyMap<number, CommittedOffset>): void;
  /**
   * What is not committed may go elsewhere; told once for every onAssigned that ends. In a rebalance the member may still commit
   * until the returned promise settles, at most for a second; when its session was lost it may not.
   */
  onRevoked(): void | Promise<void>;
  /** The group can be reached. Told at each change, and with the first join. */
  onAvailable(): void;
  /** The group has members that keep this one out; it tries on. Told at each attempt. */
  onForeignMembers(error: GroupHasForeignMembersError): void;
  /** Neither the group nor its committed offsets can be reached; the member tries on, and keeps its partitions for its session. */
  onUnavailable(error: unknown): void;
}

export interface GroupMemberOptions {
  readonly groupId: string;
  /** As Kafka's tools show it. */
  readonly clientId: string;
  /** Kafka gives a member up that it has not heard of for so long; 6,000 at least by Kafka's default. Default 10,000. */
  readonly sessionTimeoutMs?: number;
  /** How soon a rebalance is noticed, at the latest. Default 500. */
  readonly heartbeatIntervalMs?: number;
  /** How often it is looked for new partitions. Default 2,000. */
  readonly partitionCheckMs?: number;
  readonly events: GroupMemberEvents;
}

/** One member of a group: it never fetches, it only has partitions and commits. */
export interface GroupMember {
  /** Joins and stays, also through brokers that are away. */
  start(): void;
  /**
   * Commits next offsets of partitions that the member has, and tries on while the coordinator is away. Rejects with a
   * GroupMembershipLostError when the generation is over, and with what Kafka has against the commit.
   */
  commit(offsets: ReadonlyMap<number, bigint>, metadata: CommitMetadata): Promise<void>;
  /** The same for any partitions of the topic: the first offsets of a group that has none. Only one of its members may do so. */
  commitStart(offsets: ReadonlyMap<number, bigint>, metadata: CommitMetadata): Promise<void>;
  /** Leaves the group, so that others take over at once; takes two seconds at most, wherever the brokers are. */
  stop(): Promise<void>;
}

/** A connection that has said nothing for this part of a session is replaced: then a session survives a socket that went silent. */
const SILENCE_SHARE = 1 / 3;
const CONNECT_DEADLINE_MS = 5_000;
const LEAVE_DEADLINE_MS = 2_000;
const HAND_OVER_MS = 1_000;
const PARTITION_CHECK_DEADLINE_MS = 2_000;
/** The groups of a process share what one of them has found within this part of the time between two checks. */
const SHARED_CHECK_SHARE = 1 / 2;
/** The answers to a join and a sync wait for the other members. */
const ANSWER_MARGIN_MS = 5_000;

/** See ConsumerGroups. Only for it: `cluster` and `coordinators` are shared by its members. */
export function createGroupMember(
  config: KafkaConnectionConfig,
  cluster: TopicCluster,
  coordinators: Coordinators,
  options: Required<GroupMemberOptions>,
): GroupMember {
  const { groupId, clientId, events, sessionTimeoutMs, heartbeatIntervalMs } = options;
  const join = { cluster, groupId, sessionTimeoutMs, rebalanceTimeoutMs: sessionTimeoutMs };
  const retry = createRetryPause(RETRY.group);
  const stopping = new AbortController();
  const membership: Membership = { memberId: '', held: [] };
  let connection: BrokerConnection | undefined;
  let generation: GroupGeneration | undefined;
  let isAssigned = false;
  let isReachable: boolean | undefined;
  let running: Promise<void> | undefined;
  let stopped: Promise<void> | undefined;

  function reached(): void {
    retry.reset();
    if (isReachable || stopping.signal.aborted) return;
    isReachable = true;
    events.onAvailable();
  }

  function lost(error: unknown): void {
    if (isReachable === false || stopping.signal.aborted) return;
    isReachable = false;
    events.onUnavailable(error);
  }

  async function run(): Promise<void> {
    const ended = linkAbort(stopping.signal, cluster.closed);
    while (!ended.signal.aborted) {
      try {
        await stayInGroup(ended.signal);
      } catch (error) {
        if (ended.signal.aborted) break;
        if (error instanceof GroupHasForeignMembersError) events.onForeignMembers(error);
        else lost(error);
      }
      await retry.wait(ended.signal);
    }
    generation?.end();
    ended.unlink();
  }

  /** For as long as one connection lasts. A generation survives it, if its session does. */
  async function stayInGroup(signal: AbortSignal): Promise<void> {
    const coordinator = await withDeadline(CONNECT_DEADLINE_MS, signal, async (inTime) =>
      connectToBroker(
        await coordinators.addressOf(groupId, inTime),
        { ...config, clientId, requestTimeoutMs: sessionTimeoutMs + ANSWER_MARGIN_MS },
        cluster.closed,
        inTime,
      ),
    ).catch(lostCoordinator);
    connection = coordinator;
    try {
      while (!signal.aborted) await keepUp((generation ??= await enter(coordinator, signal)), coordinator);
    } catch (error) {
      lostCoordinator(error);
    } finally {
      connection = undefined;
      coordinator.close();
    }
  }

  function lostCoordinator(error: unknown): never {
    coordinators.forget(groupId);
    throw error;
  }

  async function enter(coordinator: BrokerConnection, signal: AbortSignal): Promise<GroupGeneration> {
    const { assigned, committed, sentAtMs } = await joinGroup(coordinator, join, membership, signal);
    const entered = startGeneration(groupId, assigned, { timeoutMs: sessionTimeoutMs, sentAtMs });
    entered.over.addEventListener('abort', () => {
      generation = undefined;
      revoke().catch(lost);
    });
    membership.held = entered.partitions;
    reached();
    isAssigned = true;
    if (!stopping.signal.aborted) events.onAssigned(entered.partitions, committed);
    return entered;
  }

  async function revoke(): Promise<void> {
    if (!isAssigned || stopping.signal.aborted) return;
    isAssigned = false;
    await events.onRevoked();
  }

  /** Until the generation is over. The first heartbeat tells at once whether it has survived the connection before. */
  async function keepUp(current: GroupGeneration, coordinator: BrokerConnection): Promise<void> {
    const { signal, unlink } = linkAbort(stopping.signal, current.over);
    let checkedAtMs = performance.now();
    try {
      for (;;) {
        if ((await heartbeat(current, coordinator, signal)) === 'rebalance') break;
        if (current.isLeader && performance.now() > checkedAtMs + options.partitionCheckMs) {
          checkedAtMs = performance.now();
          if (await partitionsWereAdded(current, signal)) break;
        }
        await pause(heartbeatIntervalMs, signal);
        if (signal.aborted) return;
      }
      await Promise.race([revoke(), pause(HAND_OVER_MS, signal)]);
      current.end();
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      unlink();
    }
  }

  async function heartbeat(
    current: GroupGeneration,
    coordinator: BrokerConnection,
    signal: AbortSignal,
  ): Promise<'stay' | 'rebalance'> {
    const sentAtMs = performance.now();
    const request = heartbeatRequest(groupId, current);
    const { errorCode } = await withDeadline(sessionTimeoutMs * SILENCE_SHARE, signal, (inTime) =>
      coordinator.send(request, inTime),
    );
    if (errorCode !== 0 && !isOvertaken(errorCode, membership)) {
      throw new KafkaProtocolError(errorCode, `heartbeat of consumer group ${groupId}`);
    }
    reached();
    if (errorCode === 0 || errorCode === ERROR_CODE.REBALANCE_IN_PROGRESS) current.renew(sentAtMs);
    else current.end();
    return errorCode === 0 ? 'stay' : 'rebalance';
  }

  async function partitionsWereAdded(current: GroupGeneration, signal: AbortSignal): Promise<boolean> {
    try {
      const { leaders } = await withDeadline(PARTITION_CHECK_DEADLINE_MS, signal, (inTime) =>
        cluster.recentMetadata(options.partitionCheckMs * SHARED_CHECK_SHARE, inTime),
      );
      return leaders.length > current.partitionCount;
    } catch {
      // The next check is soon enough; what it means for the group, the heartbeat tells.
      return false;
    }
  }

  async function leave(): Promise<void> {
    stopping.abort();
    generation?.end();
    await running;
    const { memberId } = membership;
    if (memberId === '' || cluster.closed.aborted) return;
    try {
      await withDeadline(LEAVE_DEADLINE_MS, cluster.closed, (inTime) =>
        coordinators.ask(groupId, inTime)(leaveGroupRequest(groupId, memberId)),
      );
    } catch {
      // Kafka takes the member out when its session has ended.
    }
  }

  const commit = (wanted: Omit<GroupCommit, 'groupId' | 'topic'>) =>
    commitInGeneration({ groupId, topic: cluster.topic, ...wanted }, generation, () => connection);
  return {
    start: () => void (running ??= stopping.signal.aborted ? Promise.resolve() : run()),
    commit: (offsets, metadata) => commit({ offsets, metadata }),
    commitStart: (offsets, metadata) => commit({ offsets, metadata, ofOthers: true }),
    stop: () => (stopped ??= leave()),
  };
}
