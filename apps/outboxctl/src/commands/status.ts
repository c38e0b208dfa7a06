import { parseDuration } from '../argument-value.ts';
import { COUNT_LIMIT, measureBacklog, type PartitionBacklog } from '../backlog.ts';
import type { Call, Command } from '../command.ts';
import { checkIdentity, type IdentityReport } from '../identity-check.ts';
import { EXIT } from '../outcome.ts';
import { listParkedKeys } from '../parked-event-store.ts';
import { listPartitions, type PartitionState } from '../partition-store.ts';
import { listLiveRelays, type RelayInstance } from '../relay-store.ts';
import { countUnfinishedReplays } from '../replay-store.ts';
import { coloured } from '../terminal.ts';
import { counted, durationText, textTable } from '../text-table.ts';

interface Status {
  readonly identity: IdentityReport;
  readonly relays: readonly RelayInstance[];
  readonly partitions: readonly PartitionState[];
  readonly backlog: ReadonlyMap<number, PartitionBacklog>;
  readonly parkedKeys: number;
  readonly parkedEvents: number;
  readonly replays: number;
  readonly pending: number;
  readonly oldestAgeSeconds: number;
}

export const status: Command = {
  name: 'status',
  summary: 'Show who publishes what, how far, and what is wrong',
  details:
    'Ends with 1 when something is wrong: no live relay, a running partition without an owner for longer than the lease,\n' +
    'events that wait for too long, parked keys, or a database or topic that the cursors do not belong to.\n' +
    'Pending events are counted from the stored cursors, which are at most a second old.',
  options: {
    'max-pending-age': {
      type: 'string',
      value: 'duration',
      help: 'how old the oldest pending event may be (default 60s)',
    },
  },
  examples: ['status', 'status --max-pending-age 10s --json | jq .problems'],
  async run(call) {
    const maxAgeMs = parseDuration('--max-pending-age', call.flags.text('max-pending-age') ?? '60s');
    const found = await readStatus(call);
    const problems = [
      ...found.identity.problems,
      ...deliveryProblems(found, call.config.RELAY_LEASE_MS, maxAgeMs),
    ];
    call.terminal.answer(statusJson(call, found, problems), statusText(call, found, problems));
    return problems.length === 0 ? EXIT.ok : EXIT.failed;
  },
};

async function readStatus(call: Call): Promise<Status> {
  const { database, config } = call;
  const partitions = await listPartitions(database);
  const backlog = await measureBacklog(database, partitions);
  const parked = await listParkedKeys(database, 1);
  const pending = [...backlog.values()].reduce((sum, { pending: own }) => sum + own, 0);
  return {
    identity: await checkIdentity(call),
    relays: await listLiveRelays(database, config.RELAY_LEASE_MS),
    partitions,
    backlog,
    parkedKeys: parked.total,
    parkedEvents: parked.events,
    replays: await countUnfinishedReplays(database),
    pending,
    oldestAgeSeconds: Math.max(0, ...[...backlog.values()].map(({ oldestAgeSeconds }) => oldestAgeSeconds)),
  };
}

function deliveryProblems(found: Status, leaseMs: number, maxAgeMs: number): string[] {
  const problems: string[] = [];
  if (found.relays.length === 0) problems.push('no relay is alive');
  if (found.partitions.length === 0)
    problems.push('no partitions are known yet: no relay has found the topic');
  const unowned = found.partitions.filter(
    ({ mode, unownedSeconds }) => mode === 'running' && unownedSeconds * 1000 > leaseMs,
  );
  if (unowned.length > 0) {
    problems.push(`partitions without an owner: ${unowned.map(({ partition }) => partition).join(', ')}`);
  }
  if (found.oldestAgeSeconds * 1000 > maxAgeMs) {
    problems.push(
      `the oldest pending event is ${durationText(found.oldestAgeSeconds)} old, more than ${durationText(maxAgeMs / 1000)}`,
    );
  }
  if (found.parkedKeys > 0) {
    problems.push(`${counted(found.parkedKeys, 'parked key')}: outboxctl parked list`);
  }
  return problems;
}

function statusJson(call: Call, found: Status, problems: readonly string[]) {
  const { identity } = found;
  return {
    healthy: problems.length === 0,
    problems,
    topic: call.topic.name,
    topic_id: identity.topic?.topicId ?? null,
    topic_partitions: identity.topic?.partitionCount ?? null,
    identity: identity.stored ?? null,
    relays: found.relays,
    pending_events: found.pending,
    pending_events_capped: found.pending >= COUNT_LIMIT,
    oldest_pending_age_seconds: found.oldestAgeSeconds,
    parked_keys: found.parkedKeys,
    parked_events: found.parkedEvents,
    unfinished_replays: found.replays,
    partitions: found.partitions.map((one) => ({
      partition: one.partition,
      mode: one.mode,
      owner: one.owner ?? null,
      unowned_seconds: one.unownedSeconds,
      checkpoint_age_seconds: one.checkpointAgeSeconds,
      pending_events: found.backlog.get(one.partition)?.pending ?? 0,
      oldest_pending_age_seconds: found.backlog.get(one.partition)?.oldestAgeSeconds ?? 0,
      log_offset: one.logOffset,
      cursor: one.cursor,
      page_target: one.page?.target ?? null,
      page_seq: one.page?.afterSeq ?? null,
    })),
  };
}

function statusText(call: Call, found: Status, problems: readonly string[]): string {
  const rows = found.partitions.map((one) => {
    const own = found.backlog.get(one.partition);
    return [
      one.partition,
      one.mode,
      one.owner,
      durationText(one.checkpointAgeSeconds),
      one.logOffset,
      own?.pending ?? 0,
      own ? durationText(own.oldestAgeSeconds) : undefined,
    ];
  });
  const more = found.pending >= COUNT_LIMIT ? ' or more' : '';
  const summary = [
    `topic ${call.topic.name}`,
    `${counted(found.relays.length, 'relay')} alive`,
    `${counted(found.pending, 'event')}${more} pending, the oldest ${durationText(found.oldestAgeSeconds)}`,
    `${counted(found.parkedKeys, 'key')} parked`,
    ...(found.replays > 0 ? [`${counted(found.replays, 'replay')} under way`] : []),
  ];
  const headings = ['PARTITION', 'MODE', 'OWNER', 'CHECKPOINT AGE', 'LOG OFFSET', 'PENDING', 'OLDEST'];
  const verdict =
    problems.length === 0
      ? [coloured('green', 'healthy')]
      : problems.map((problem) => `${coloured('red', 'unhealthy')}  ${problem}`);
  return [
    summary.join(' · '),
    ...(rows.length > 0 ? ['', textTable(headings, rows)] : []),
    '',
    ...verdict,
  ].join('\n');
}
