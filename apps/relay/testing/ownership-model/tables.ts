import {
  type AcquiredLease,
  type Checkpoint,
  CURSOR_AT_START,
  type KafkaStanding,
  type LeaseId,
  type LeaseRenewal,
  type OwnershipView,
  type PartitionMode,
} from '@order-events/outbox';

/*
 * What the statements of leases do, as functions from one state of the tables to the next. Of a checkpoint only its place in
 * the order of checkpoints matters, carried as its log offset, and whether a window is open.
 */

export const LEASE_MS = 3000;

export interface Row {
  readonly owner: string | undefined;
  readonly epoch: bigint;
  readonly leaseUntilMs: number;
  readonly mode: PartitionMode;
  /** A window is being worked off in pages. */
  readonly hasWindow: boolean;
  readonly position: bigint;
  /** Somebody has locked the row: whoever wants to write it leaves it out. */
  readonly isLocked: boolean;
}

export function checkpointAt(position: bigint, hasWindow: boolean): Checkpoint {
  const page = { target: '4:4:', afterSeq: 1n, endSeq: 2n };
  return { cursor: hasWindow ? { ...CURSOR_AT_START, page } : CURSOR_AT_START, logOffset: position };
}

export interface Tables {
  /** relay_partition, by partition. */
  readonly rows: readonly Row[];
  /** relay_instance: when each relay was last heard of. */
  readonly heartbeats: ReadonlyMap<string, number>;
  /** relay_instance: what each relay last told of Kafka. */
  readonly standings: ReadonlyMap<string, KafkaStanding>;
}

/** Who asks, and when the database looks at it. */
export interface Asker {
  readonly owner: string;
  readonly nowMs: number;
}

/** The conditions in the statements. */
export interface TableRules {
  /** Whether a renewal or a release concerns the row. */
  isOurs(row: Row, owner: string, renewal: LeaseRenewal): boolean;
  /** Whether a row may be acquired, as far as its owner goes. */
  isFree(row: Row, asker: Asker): boolean;
}

export const TABLE_RULES: TableRules = {
  isOurs: (row, owner, { epoch, checkpoint }) =>
    row.owner === owner && row.epoch === epoch && row.position <= checkpoint.logOffset,
  isFree: (row, { owner, nowMs }) =>
    row.owner === undefined || row.leaseUntilMs < nowMs || row.owner === owner,
};

export function renew(
  rules: TableRules,
  tables: Tables,
  asker: Asker,
  { renewals, alive, kafka }: { renewals: readonly LeaseRenewal[]; alive: boolean; kafka: KafkaStanding },
): [Tables, OwnershipView] {
  const { owner, nowMs } = asker;
  const rows = [...tables.rows];
  const ours = renewals.filter((one) => rules.isOurs(rowOf(rows, one.partition), owner, one));
  for (const { partition, checkpoint } of ours) {
    if (rowOf(rows, partition).isLocked) continue;
    update(rows, partition, { leaseUntilMs: nowMs + LEASE_MS, ...stored(checkpoint) });
  }
  const heartbeats = new Map(
    [...tables.heartbeats].filter(([id, atMs]) => id === owner || isAlive(atMs, nowMs)),
  );
  const standings = new Map([...tables.standings].filter(([id]) => heartbeats.has(id)));
  if (alive) {
    heartbeats.set(owner, nowMs);
    standings.set(owner, kafka);
  }
  return [{ rows, heartbeats, standings }, view(rules, tables, asker, renewals, ours)];
}

export function look(
  rules: TableRules,
  tables: Tables,
  asker: Asker,
  leases: readonly LeaseId[],
): OwnershipView {
  const ours = leases.filter(({ partition, epoch }) => {
    const row = rowOf(tables.rows, partition);
    return row.owner === asker.owner && row.epoch === epoch;
  });
  return view(rules, tables, asker, leases, ours);
}

export function acquire(
  rules: TableRules,
  tables: Tables,
  asker: Asker,
  { limit, known }: { limit: number; known: readonly LeaseId[] },
): [Tables, readonly AcquiredLease[]] {
  const rows = [...tables.rows];
  const leases = freePartitions(rules, tables, asker, known)
    .filter((partition) => !rowOf(rows, partition).isLocked)
    .slice(0, limit)
    .map((partition) => take(rows, partition, asker));
  return [{ ...tables, rows }, leases];
}

export function release(
  rules: TableRules,
  tables: Tables,
  { owner }: Asker,
  { renewals, leaving }: { renewals: readonly LeaseRenewal[]; leaving: boolean },
): [Tables, ReadonlySet<number>] {
  const rows = [...tables.rows];
  const heartbeats = new Map(tables.heartbeats);
  const standings = new Map(tables.standings);
  if (leaving) {
    heartbeats.delete(owner);
    standings.delete(owner);
  }
  const released = renewals.filter((one) => {
    const row = rowOf(rows, one.partition);
    return !row.isLocked && rules.isOurs(row, owner, one);
  });
  for (const { partition, checkpoint } of released) {
    update(rows, partition, { owner: undefined, leaseUntilMs: 0, ...stored(checkpoint) });
  }
  return [{ rows, heartbeats, standings }, new Set(released.map(({ partition }) => partition))];
}

function take(rows: Row[], partition: number, { owner, nowMs }: Asker): AcquiredLease {
  const { epoch, mode, position, hasWindow } = rowOf(rows, partition);
  update(rows, partition, { owner, epoch: epoch + 1n, leaseUntilMs: nowMs + LEASE_MS });
  return {
    partition,
    epoch: epoch + 1n,
    mode,
    checkpoint: checkpointAt(position, hasWindow),
  };
}

function view(
  rules: TableRules,
  tables: Tables,
  asker: Asker,
  asked: readonly LeaseId[],
  ours: readonly LeaseId[],
): OwnershipView {
  const alive = [...tables.heartbeats]
    .filter(([id, atMs]) => id !== asker.owner && isAlive(atMs, asker.nowMs))
    .map(([id]) => id);
  const others = alive.filter((id) => tables.standings.get(id) !== 'gave way');
  return {
    ours: ours.map(({ partition }) => ({ partition, mode: rowOf(tables.rows, partition).mode })),
    locked: ours.map(({ partition }) => partition).filter((one) => rowOf(tables.rows, one).isLocked),
    relays: others.length + 1,
    rank: others.filter((id) => id < asker.owner).length,
    steady: alive.filter((id) => tables.standings.get(id) === 'steady').length,
    untold: 0,
    available: tables.rows.filter(mayBeOwned).length,
    free: freePartitions(rules, tables, asker, asked).length,
  };
}

function freePartitions(
  rules: TableRules,
  tables: Tables,
  asker: Asker,
  known: readonly LeaseId[],
): number[] {
  return [...tables.rows.keys()].filter((partition) => {
    const row = rowOf(tables.rows, partition);
    return rules.isFree(row, asker) && mayBeOwned(row) && !known.some((one) => one.partition === partition);
  });
}

export function mayBeOwned({ mode, hasWindow }: Row): boolean {
  return mode === 'running' || (mode === 'draining' && hasWindow);
}

function stored({ cursor, logOffset }: Checkpoint): Pick<Row, 'position' | 'hasWindow'> {
  return { position: logOffset, hasWindow: cursor.page !== undefined };
}

export function isAlive(heartbeatAtMs: number, nowMs: number): boolean {
  return heartbeatAtMs >= nowMs - LEASE_MS;
}

export function rowOf(rows: readonly Row[], partition: number): Row {
  const row = rows[partition];
  if (!row) throw new Error(`no partition ${partition}`);
  return row;
}

export function update(rows: Row[], partition: number, change: Partial<Row>): void {
  rows[partition] = { ...rowOf(rows, partition), ...change };
}
