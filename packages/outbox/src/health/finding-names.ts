/**
 * All that can be found, by the names that programs and alerts know it by. Whoever finds something new adds its name here, and the test
 * of the findings wants a fault that brings it about.
 */
export const FINDING_NAMES = [
  'append-failing',
  'append-refused',
  'catching-up',
  'claim-failed',
  'clock-set-back',
  'complete-untold',
  'cursor-ahead',
  'cut-off',
  'draining',
  'equal-seq',
  'halted',
  'janitor-refused',
  'kafka-away',
  'ledger-unreadable',
  'locked-row',
  'locked-table',
  'log-cut',
  'missing-rights',
  'no-brokers',
  'no-partitions',
  'no-relay',
  'not-measured',
  'one-copy',
  'only-in-topic',
  'open-transaction',
  'parked',
  'partition-count',
  'paused',
  'read-only',
  'retention-by-size',
  'sequence-behind',
  'settings-unknown',
  'short-producer-memory',
  'short-retention',
  'short-transactions',
  'small-messages',
  'too-few-replicas',
  'topic-compacted',
  'unclean-election',
  'unowned',
  'waiting',
  'waits',
  'waits-unexplained',
  'writers-time',
  'wrong-clock',
  'wrong-cluster',
  'wrong-database',
  'wrong-topic',
] as const;

export type FindingName = (typeof FINDING_NAMES)[number];

declare const TOLD_BY_OTHERS: unique symbol;

/** What a relay of another version has told: only who reads what others have stored makes one. */
export type ForeignFindingName = string & { readonly [TOLD_BY_OTHERS]: true };
