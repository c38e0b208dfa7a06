/** Everything about the relays that only the database knows, measured in one round. Any relay can tell it of all of them. */
export interface BacklogObservation {
  /** On this process's monotonic clock. */
  readonly measuredAtMs: number;
  readonly pendingEvents: number;
  /** 0 when nothing is pending. */
  readonly oldestPendingAgeSeconds: number;
  /** Counting stopped at its limit, and the rest is estimated from the sequence. */
  readonly estimated: boolean;
  readonly partitions: readonly PartitionObservation[];
  readonly relays: readonly RelayObservation[];
  /** Those that have written, oldest first; only the oldest few. */
  readonly openTransactions: readonly OpenTransaction[];
  readonly replays: readonly ReplayObservation[];
}

export interface PartitionObservation {
  readonly partition: number;
  readonly owner: string | undefined;
  /** There is an owner, and its lease has not run out. */
  readonly owned: boolean;
  readonly epoch: bigint;
  readonly mode: string;
  /** A window too large for one page is being worked off. */
  readonly paging: boolean;
  /** Since the checkpoint was stored. */
  readonly checkpointAgeSeconds: number;
  readonly logOffset: bigint;
  readonly pendingEvents: number;
  readonly oldestPendingAgeSeconds: number;
  readonly parkedEvents: number;
  readonly parkedKeys: number;
}

export interface RelayObservation {
  readonly id: string;
  readonly partitions: number;
  /** Undefined for an owner that sends no heartbeats. */
  readonly heartbeatAgeSeconds: number | undefined;
}

/** A transaction that has written something and is not over. */
export interface OpenTransaction {
  readonly ageSeconds: number;
  /** Undefined for a prepared transaction, which belongs to no connection. */
  readonly pid: number | undefined;
  /** Of a prepared transaction, its identifier. */
  readonly applicationName: string;
  readonly user: string;
  readonly database: string;
  /** As in pg_stat_activity, or `prepared`. */
  readonly state: string;
  /** As in pg_stat_statements; undefined when the server does not compute it. */
  readonly queryId: string | undefined;
}

export interface ReplayObservation {
  readonly replayId: string;
  readonly publishedEvents: number;
  readonly unfinishedPartitions: number;
  readonly ageSeconds: number;
}
