import type { FindingName, Severity } from '@order-events/outbox';
import type { FaultWorld } from './fault-world.ts';

export interface Row {
  readonly finding: FindingName;
  readonly severity: Severity;
  readonly says: RegExp;
  /** Who tells it; default: both. What a relay halts for is `halted` there, and has a name of its own at `outboxctl status`. */
  readonly by?: 'relay' | 'outboxctl';
}

export interface Fault {
  readonly what: string;
  readonly partitions?: number;
  /** Settings of the topic, from its creation on. */
  readonly topic?: Readonly<Record<string, string>>;
  readonly before?: (world: FaultWorld) => Promise<unknown>;
  /** How many partitions the relay claims before; default: all. */
  readonly claims?: number;
  readonly whileRunning?: (world: FaultWorld) => Promise<unknown>;
  /** What is not there once and for all is done again until it is seen. */
  readonly again?: (world: FaultWorld) => Promise<unknown>;
  /** `outboxctl status` cannot read what it is about, and says so; it ends with 1. */
  readonly unread?: RegExp;
  readonly pendingEvents?: number;
  readonly rows: readonly Row[];
}

/** Told by both, in the same words. */
export const both = (finding: FindingName, severity: Severity, says: RegExp): Row => ({
  finding,
  severity,
  says,
});

/** A relay says why it halts; the operator's command has a name for it, and passes on what the relay says. */
export const halts = (finding: FindingName, relaySays: RegExp, outboxctlSays: RegExp): Row[] => [
  { finding: 'halted', severity: 'halt', says: relaySays },
  { finding, severity: 'halt', says: outboxctlSays, by: 'outboxctl' },
];
