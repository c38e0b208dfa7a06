export type { Checkpoint, FormerCheckpoint } from './checkpoint.ts';
export { CURSOR_AT_START, type Cursor, cursorKey } from './cursor.ts';
export {
  type Finding,
  isHealthy,
  isReady,
  MAX_WAIT_SECONDS,
  type Severity,
} from './health/delivery-health.ts';
export { FINDING_NAMES, type FindingName } from './health/finding-names.ts';
export { remembered } from './history/checkpoint-history.ts';
export { type CutLog, takeUpPoint, type TakeUpPoint } from './history/take-up-point.ts';
export type { PendingEvent } from './pending-event.ts';
export { EqualSeqError } from './read/equal-seq-error.ts';
export type { CursorGroup } from './read/outbox-query.ts';
export { createOutboxReader, type OutboxReader } from './read/outbox-reader.ts';
export { OUTBOX_PLANS } from './read/outbox-session.ts';
export { ServerRunError } from './read/server-run-error.ts';
export { adoptDayTables, missingJanitorRight, ownersDiffer } from './retention/day-table-owner.ts';
export {
  type DayTable,
  dayTableName,
  expiredDayTables,
  missingDayTables,
} from './retention/day-table-plan.ts';
export {
  createDayTable,
  dropDayTable,
  emptyDefaultTable,
  type KeepReason,
  readDayTables,
  type Retirement,
} from './retention/day-tables.ts';
export { withShortLocks } from './retention/short-lock.ts';
export {
  type DeliveryObservation,
  observedFindings,
  observeDelivery,
  type PartitionObservation,
} from './state/delivery-observation.ts';
export { checkIdentity, readIdentity, readSystemIdentifier } from './state/identity.ts';
export {
  contentMismatches,
  countMismatch,
  type Mismatch,
  mismatchFinding,
  mismatchText,
  databaseMismatches,
  type StoredIdentity,
  topicMismatches,
} from './state/identity-mismatch.ts';
export type {
  AcquiredLease,
  KafkaStanding,
  Lease,
  LeaseId,
  LeaseRenewal,
  OwnershipView,
  PartitionMode,
} from './state/lease.ts';
export { createLeaseStore, type LeaseStore } from './state/lease-store.ts';
export { type LiveRelay, readLiveRelays } from './state/live-relays.ts';
export { lockFindings } from './state/lock-findings.ts';
export type { OpenTransaction } from './state/open-transactions.ts';
export {
  createParkedEventStore,
  discardEvents,
  type ParkedEventStore,
  requeueKeys,
} from './state/parked-events.ts';
export {
  countParkedEvents,
  findParkedEvents,
  listParkedKeys,
  type ParkedChoice,
  type ParkedEvent,
  type ParkedKey,
} from './state/parked-keys.ts';
export { setMode } from './state/partition-modes.ts';
export { type PartitionState, readPartitions } from './state/partitions.ts';
export { mergedFindings, writeRelayReport } from './state/relay-report.ts';
export { createReplayStore, type ReplayStore } from './state/replay-pages.ts';
export { planReplay, type ReplayChoice, type ReplayPlan } from './state/replay-plan.ts';
export {
  cancelReplay,
  listReplays,
  type Replay,
  type ReplayProgress,
  requestReplay,
} from './state/replay-requests.ts';
export { partitionsWithWork } from './state/requested-work.ts';
export { clockFindings } from './state/stamped-ahead.ts';
