import { durationText } from '@order-events/runtime';
import type { FindingName, ForeignFindingName } from './finding-names.ts';

/*
 * One rule for "healthy", for the relay's status page and readiness and for `outboxctl status`: nothing waits for longer than it should,
 * and whatever holds something up has a name. Whoever finds a reason adds a finding; what waits although no finding says why is a
 * finding itself.
 */

/**
 * - `halt`: nothing is published, by this relay or by any, until a person acts.
 * - `fault`: events wait or will, or something is left undone; it may pass by itself.
 * - `notice`: worth knowing, and healthy.
 */
export type Severity = 'halt' | 'fault' | 'notice';

export interface Finding {
  /** One of a few fixed words, for programs and alerts: never part of a text that varies. */
  readonly name: FindingName | ForeignFindingName;
  readonly severity: Severity;
  /** What it is and what mends it; commands stand in backquotes. */
  readonly text: string;
  /** Those whose events it holds up; absent: all of them; empty: none. */
  readonly partitions?: readonly number[];
}

export interface PartitionFacts {
  readonly partition: number;
  readonly mode: string;
  /** How long it has had no owner with a valid lease; 0 while there is one. */
  readonly unownedSeconds: number;
  /** A window too large for one page is being worked off. */
  readonly paging: boolean;
  readonly pendingEvents: number;
  /** How long the oldest pending event has waited; 0 when there is none. */
  readonly oldestPendingAgeSeconds: number;
}

export interface DeliveryFacts {
  /** Empty until a relay has found the topic. */
  readonly partitions: readonly PartitionFacts[];
  readonly relays: number;
  readonly leaseSeconds: number;
  readonly parkedKeys: number;
  /** The server takes no writes: a standby, or set so. */
  readonly readOnly: boolean;
  /** For how long an event may wait. */
  readonly maxWaitSeconds: number;
  /** What was found elsewhere: by the relays themselves, about the database and the topic, in Kafka. */
  readonly found: readonly Finding[];
}

export const MAX_WAIT_SECONDS = 60;

export const isHealthy = (findings: readonly Finding[]): boolean =>
  findings.every(({ severity }) => severity === 'notice');

/** Whether a relay that found this can do its work; Kafka or a database away is no reason to take it out of service. */
export const isReady = (findings: readonly Finding[]): boolean =>
  findings.every(({ severity }) => severity !== 'halt');

/** All that there is to say about the delivery of events, worst first. */
export function deliveryFindings(facts: DeliveryFacts): Finding[] {
  const reasons = [...facts.found, ...reasonsInTables(facts)];
  const findings = [...reasons, ...waiting(facts, reasons)];
  return SEVERITIES.flatMap((severity) => findings.filter((one) => one.severity === severity));
}

const SEVERITIES: readonly Severity[] = ['halt', 'fault', 'notice'];

function reasonsInTables(facts: DeliveryFacts): Finding[] {
  const { partitions } = facts;
  const found: Finding[] = [];
  const add = (name: FindingName, severity: Severity, text: string, concerned?: readonly number[]) =>
    found.push({ name, severity, text, ...(concerned && { partitions: concerned }) });
  const those = (isMeant: (one: PartitionFacts) => boolean) =>
    partitions.filter(isMeant).map(({ partition }) => partition);
  if (facts.readOnly) {
    add('read-only', 'fault', 'the database server takes no writes: nothing can be published from it');
  }
  if (facts.relays === 0) add('no-relay', 'fault', 'no relay is alive');
  if (partitions.length === 0) {
    add('no-partitions', 'fault', 'no partitions are known yet: no relay has found the topic');
  }
  const unowned = those((one) => one.mode === 'running' && one.unownedSeconds > facts.leaseSeconds);
  if (unowned.length > 0) {
    add('unowned', 'fault', `partitions without an owner: ${unowned.join(', ')}`, unowned);
  }
  if (facts.parkedKeys > 0) {
    const keys = facts.parkedKeys === 1 ? '1 parked key' : `${facts.parkedKeys} parked keys`;
    add('parked', 'fault', `${keys}: \`outboxctl parked list\``, []);
  }
  for (const mode of ['paused', 'draining'] as const) {
    const stopped = those((one) => one.mode === mode && one.pendingEvents > 0);
    if (stopped.length > 0) {
      const text = `partitions ${stopped.join(', ')} are ${mode}, and events wait: \`outboxctl resume\` goes on`;
      add(mode, 'notice', text, stopped);
    }
  }
  const paging = those((one) => one.mode === 'running' && one.paging);
  if (paging.length > 0) {
    add('catching-up', 'notice', `a backlog is being worked off in partitions ${paging.join(', ')}`, paging);
  }
  return found;
}

/** What waits for too long, with the names of all that may be why; by itself what nobody can explain. */
function waiting(facts: DeliveryFacts, reasons: readonly Finding[]): Finding[] {
  const late = facts.partitions.filter((one) => one.oldestPendingAgeSeconds > facts.maxWaitSeconds);
  const found = [...Map.groupBy(late, ({ partition }) => namesFor(partition, reasons)).entries()];
  return found.map(([names, members]): Finding => {
    const partitions = members.map(({ partition }) => partition);
    const oldest = durationText(Math.max(...members.map((one) => one.oldestPendingAgeSeconds)));
    const what = `the oldest pending event is ${oldest} old, more than ${durationText(facts.maxWaitSeconds)}`;
    const where =
      partitions.length === facts.partitions.length ? '' : ` (partitions ${partitions.join(', ')})`;
    return names === ''
      ? {
          name: 'waits-unexplained',
          severity: 'fault',
          text: `${what}${where}, and no reason is known`,
          partitions,
        }
      : { name: 'waits', severity: 'fault', text: `${what}${where}: ${names}`, partitions };
  });
}

function namesFor(partition: number, reasons: readonly Finding[]): string {
  const own = reasons.filter(({ partitions }) => partitions?.includes(partition) ?? true);
  return [...new Set(own.map(({ name }) => name))].join(', ');
}
