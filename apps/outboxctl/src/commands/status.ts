import {
  clockFindings,
  type DeliveryObservation,
  type Finding,
  isHealthy,
  lockFindings,
  mergedFindings,
  observedFindings,
  observeDelivery,
  type PartitionObservation,
} from '@order-events/outbox';
import { durationText } from '@order-events/runtime';
import { parseDuration } from '../argument-value.ts';
import type { Call, Command } from '../command.ts';
import { checkIdentity, type IdentityReport } from '../identity-check.ts';
import { CommandError, EXIT } from '../outcome.ts';
import { coloured } from '../terminal.ts';
import { counted, textTable } from '../text-table.ts';
import { settingFindings } from '../topic-settings.ts';

interface Status {
  readonly observation: DeliveryObservation;
  readonly identity: IdentityReport;
  readonly settings: readonly Finding[];
  readonly clock: readonly Finding[];
}

const LOCK_TIMEOUT = '55P03';

export const status: Command = {
  name: 'status',
  summary: 'Show who publishes what, how far, and what is wrong',
  details:
    'Ends with 1 when something is wrong: no live relay, a running partition without an owner for longer than the lease,\n' +
    'events that wait for too long, parked keys, a database or topic that the cursors do not belong to, a server that\n' +
    'takes no writes, or what the relays themselves report.\n' +
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
    const found = await readStatus(call).catch(async (error: unknown) => {
      throw (await lockedOut(call, error)) ?? error;
    });
    const findings = findingsOf(found, call.config.RELAY_LEASE_MS, maxAgeMs);
    call.terminal.answer(statusJson(call, found, findings), statusText(call, found, findings));
    return isHealthy(findings) ? EXIT.ok : EXIT.failed;
  },
};

/** Somebody has locked a whole table: nothing can be read, but who it is. */
async function lockedOut(call: Call, error: unknown): Promise<CommandError | undefined> {
  if (!(error instanceof Error && 'code' in error && error.code === LOCK_TIMEOUT)) return undefined;
  const holders = await lockFindings(call.pool, call.config.RELAY_LEASE_MS);
  return new CommandError([error.message, ...holders.map(problemText)].join('\n'));
}

async function readStatus(call: Call): Promise<Status> {
  const { pool, config } = call;
  return {
    observation: await observeDelivery(pool, { leaseMs: config.RELAY_LEASE_MS }),
    identity: await checkIdentity(call),
    clock: await clockFindings(pool),
    settings: await settingFindings(call),
  };
}

function findingsOf({ observation, identity, settings, clock }: Status, leaseMs: number, maxAgeMs: number) {
  const found = mergedFindings([...identity.findings, ...settings, ...clock, ...observation.reports]);
  return observedFindings(observation, { leaseMs, maxWaitSeconds: maxAgeMs / 1000, found });
}

function statusJson(call: Call, { identity, observation }: Status, findings: readonly Finding[]) {
  return {
    healthy: isHealthy(findings),
    problems: findings.filter(({ severity }) => severity !== 'notice').map(problemText),
    findings,
    read_only: observation.readOnly,
    topic: call.topic.name,
    topic_id: identity.topic?.topicId ?? null,
    topic_partitions: identity.topic?.partitionCount ?? null,
    identity: identityJson(identity),
    relays: observation.relays.map((relay) => ({
      id: relay.id,
      heartbeat_age_seconds: relay.heartbeatAgeSeconds ?? 0,
      gave_way: relay.gaveWay,
    })),
    pending_events: observation.pendingEvents,
    pending_events_capped: observation.estimated,
    oldest_pending_age_seconds: observation.oldestPendingAgeSeconds,
    parked_keys: observation.parkedKeys,
    parked_events: observation.parkedEvents,
    unfinished_replays: observation.replays.length,
    partitions: observation.partitions.map((one) => ({
      partition: one.partition,
      mode: one.mode,
      owner: presentOwner(one) ?? null,
      unowned_seconds: one.unownedSeconds,
      checkpoint_age_seconds: one.checkpointAgeSeconds,
      pending_events: one.pendingEvents,
      oldest_pending_age_seconds: one.oldestPendingAgeSeconds,
      log_offset: one.logOffset,
      cursor: one.cursor.snapshot,
      page_target: one.cursor.page?.target ?? null,
      page_seq: one.cursor.page?.afterSeq ?? null,
    })),
  };
}

function identityJson({ stored }: IdentityReport) {
  if (!stored) return null;
  return {
    system_identifier: stored.systemIdentifier,
    cluster_id: stored.clusterId ?? null,
    topic: stored.topic,
    topic_id: stored.topicId,
    partition_count: stored.partitionCount,
    original_database: stored.originalDatabase ?? null,
  };
}

/** Whose lease has run out owns nothing any more. */
const presentOwner = ({ owned, owner }: PartitionObservation) => (owned ? owner : undefined);

function statusText(call: Call, { observation }: Status, findings: readonly Finding[]): string {
  const rows = observation.partitions.map((one) => [
    one.partition,
    one.mode,
    presentOwner(one),
    durationText(one.checkpointAgeSeconds),
    one.logOffset,
    one.pendingEvents,
    one.pendingEvents > 0 ? durationText(one.oldestPendingAgeSeconds) : undefined,
  ]);
  const about = observation.estimated ? 'about ' : '';
  const oldest = durationText(observation.oldestPendingAgeSeconds);
  const summary = [
    `topic ${call.topic.name}`,
    relaysText(observation),
    `${about}${counted(observation.pendingEvents, 'event')} pending, the oldest ${oldest}`,
    `${counted(observation.parkedKeys, 'key')} parked`,
    ...(observation.replays.length > 0 ? [`${counted(observation.replays.length, 'replay')} under way`] : []),
  ];
  const headings = ['PARTITION', 'MODE', 'OWNER', 'CHECKPOINT AGE', 'LOG OFFSET', 'PENDING', 'OLDEST'];
  const told = findings.map((finding) =>
    finding.severity === 'notice'
      ? `${coloured('yellow', 'notice')}  ${problemText(finding)}`
      : `${coloured('red', 'unhealthy')}  ${problemText(finding)}`,
  );
  const verdict = isHealthy(findings) ? [...told, coloured('green', 'healthy')] : told;
  return [
    summary.join(' · '),
    ...(rows.length > 0 ? ['', textTable(headings, rows)] : []),
    '',
    ...verdict,
  ].join('\n');
}

function relaysText({ relays }: DeliveryObservation): string {
  const cutOff = relays.filter(({ gaveWay }) => gaveWay).map(({ id }) => id);
  const alive = `${counted(relays.length, 'relay')} alive`;
  return cutOff.length > 0 ? `${alive} (without Kafka: ${cutOff.join(', ')})` : alive;
}

/** Commands stand as they are typed. */
function problemText({ text }: Finding): string {
  return text.replaceAll('`', '');
}
