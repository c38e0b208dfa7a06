export { CANARY_EVENT_TYPE, isCanaryRecord } from './message/canary-record.ts';
export {
  type ConsumerGroups,
  type ConsumerGroupsConfig,
  createConsumerGroups,
} from './group/consumer-groups.ts';
export { type CompleteBoard, createCompleteBoard } from './complete/complete-board.ts';
export { followCompleteMarks } from './complete/complete-follower.ts';
export type { CompleteMark } from './complete/complete-mark.ts';
export { completeAfter, type CompleteProgress } from './complete/complete-progress.ts';
export { type CompletePublisher, createCompletePublisher } from './complete/complete-publisher.ts';
export { completeTopicName, ensureCompleteTopic } from './complete/complete-topic.ts';
export { ensurePartitionCount } from './topic/ensure-partition-count.ts';
export { enlargeHeldTopic, ensureHeldTopic, heldTopicName } from './topic/held-topic.ts';
export { ensureTopic, type TopicSettings } from './topic/ensure-topic.ts';
export {
  GroupHasForeignMembersError,
  GroupHasMembersError,
  GroupMembershipLostError,
  GroupNotFoundError,
} from './group/group-error.ts';
export type { GroupMember, GroupMemberEvents, GroupMemberOptions } from './group/group-member.ts';
export type { GroupOffsets, GroupState } from './group/group-offsets.ts';
export {
  createKafkaPublisher,
  type KafkaPublisher,
  type PartitionClaim,
  type TopicDescription,
} from './publish/kafka-publisher.ts';
export { keyHash } from './message/key-hash.ts';
export { ledgerId, REPLAY_ID_HEADER } from './publish/ledger-id.ts';
export type { LogMark } from './publish/log-mark.ts';
export type { LeaderEpochs } from './read/leader-epochs.ts';
export { type FollowHandlers, TopicRecreatedError } from './read/log-follow.ts';
export type { LogEnds, LogOffsets, LogPlace, LogRange } from './read/log-ends.ts';
export type { LogPoint, PartitionPositions } from './cluster/log-offsets.ts';
export { OffsetOutOfRangeError } from './read/log-range.ts';
export {
  createLogReader,
  type LogReader,
  type LogReaderConfig,
  type LogRetention,
} from './read/log-reader.ts';
export { createLogWriter, type LogWriter, type LogWriterConfig } from './publish/log-writer.ts';
export { LedgerTooLargeError, LedgerUnreadableError } from './publish/ledger.ts';
export { createNoopPublisher } from './publish/noop-publisher.ts';
export { EVENT_ID_HEADER, orderEventHeaders } from './message/order-event-headers.ts';
export { decodeOrderEvent, encodeOrderEvent, InvalidOrderMessageError } from './message/order-message.ts';
export type { BatchObserver, PublishObserver } from './publish/publish-observer.ts';
export type { SettingFinding } from './topic/settings-review.ts';
export { createUnfencedAppender, type UnfencedAppender } from './publish/unfenced-append.ts';
export { recordPartitionChange } from './layout/record-partition-change.ts';
export type { KafkaConnectionConfig } from './cluster/topic-cluster.ts';
export {
  boundaryOf,
  isExpectedAt,
  type PartitionChange,
  readableUpTo,
  type TopicLayout,
  truncatedLayout,
  UNCHANGED_LAYOUT,
  withoutLost,
  withoutPassed,
} from './layout/topic-layout.ts';
export {
  createTopicLayoutReader,
  LayoutForbiddenError,
  type TopicLayoutReader,
} from './layout/topic-layout-reader.ts';
export type { CommittedOffset, GroupClient } from './wire/group.ts';
export type { Isolation, PartitionBatch } from './wire/fetch.ts';
export { ERROR_CODE, KafkaProtocolError } from './wire/protocol-error.ts';
export type { LogRecord } from './wire/record-batch.ts';
export { type BatchFaultKind, UnreadableBatchError } from './wire/unreadable-batch.ts';
