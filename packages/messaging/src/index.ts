export { CANARY_EVENT_TYPE, isCanaryRecord } from './canary-record.ts';
export { type ConsumerGroups, type ConsumerGroupsConfig, createConsumerGroups } from './consumer-groups.ts';
export { ensurePartitionCount } from './ensure-partition-count.ts';
export { ensureTopic, type TopicSettings } from './ensure-topic.ts';
export { GroupHasMembersError, GroupMembershipLostError, GroupNotFoundError } from './group-error.ts';
export type { GroupMember, GroupMemberEvents, GroupMemberOptions } from './group-member.ts';
export type { GroupOffsets } from './group-offsets.ts';
export {
  createKafkaPublisher,
  type KafkaPublisher,
  type PartitionClaim,
  type TopicDescription,
} from './kafka-publisher.ts';
export { keyHash } from './key-hash.ts';
export { ledgerId, REPLAY_ID_HEADER } from './ledger-id.ts';
export { type FollowHandlers, TopicRecreatedError } from './log-follow.ts';
export type { LogPoint, PartitionPositions } from './log-offsets.ts';
export { OffsetOutOfRangeError } from './log-range.ts';
export { createLogReader, type LogReader, type LogReaderConfig } from './log-reader.ts';
export type { LogWriterConfig } from './log-writer.ts';
export { LedgerTooLargeError } from './ledger.ts';
export { createNoopPublisher } from './noop-publisher.ts';
export { EVENT_ID_HEADER, orderEventHeaders } from './order-event-headers.ts';
export { decodeOrderEvent, encodeOrderEvent, InvalidOrderMessageError } from './order-message.ts';
export type { PublishObserver } from './publish-observer.ts';
export type { KafkaConnectionConfig } from './topic-cluster.ts';
export type { CommittedOffset } from './wire/group.ts';
export type { Isolation, PartitionBatch } from './wire/fetch.ts';
export type { LogRecord } from './wire/record-batch.ts';
