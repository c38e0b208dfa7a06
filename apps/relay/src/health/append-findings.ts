import { KafkaProtocolError } from '@order-events/messaging';
import type { Finding } from '@order-events/outbox';
import { reasonOf } from '@order-events/runtime';
import type { FindingBoard } from './finding-board.ts';

/** Where the findings about what is appended to a partition stand on the board. */
export const appendSource = (partition: number): string => `append ${partition}`;

export interface AppendTrouble {
  /** An attempt failed and is repeated. */
  failed(partition: number, error: Error): void;
  acknowledged(partition: number): void;
}

/** Leaders move, and brokers restart: only what lasts longer holds events up. */
const PASSING_MS = 20_000;
/** Attempts are repeated sooner: what came before is another trouble. */
const FORGOTTEN_MS = 30_000;

/** Tells why the events of a partition are not taken, as by one without a leader. */
export function createAppendTrouble(board: FindingBoard): AppendTrouble {
  const troubles = new Map<number, { readonly sinceMs: number; lastMs: number }>();
  return {
    failed(partition, error) {
      const nowMs = performance.now();
      let trouble = troubles.get(partition);
      if (!trouble || nowMs - trouble.lastMs > FORGOTTEN_MS) {
        trouble = { sinceMs: nowMs, lastMs: nowMs };
        troubles.set(partition, trouble);
      }
      trouble.lastMs = nowMs;
      board.put(appendSource(partition), appendFindings(error, partition, nowMs - trouble.sinceMs));
    },
    acknowledged(partition) {
      troubles.delete(partition);
      board.put(appendSource(partition), []);
    },
  };
}

/** What is about settings and rights is told at once, since it does not pass. */
export function appendFindings(error: Error, partition: number, forMs: number): Finding[] {
  const known = error instanceof KafkaProtocolError ? error : undefined;
  if (known?.advice === undefined && forMs < PASSING_MS) return [];
  const name = known?.advice === undefined ? 'append-failing' : 'append-refused';
  const text = `Kafka does not take events: ${known?.reason ?? reasonOf(error)}`;
  return [{ name, severity: 'fault', text, partitions: [partition] }];
}

/** The batch is taken without a time. */
export function clockFinding(reason: string): Finding {
  const what = "Kafka does not take the time of this relay's clock";
  const text = `${what}, so its events get none and starts at a time do not find them: ${reason}`;
  return { name: 'wrong-clock', severity: 'fault', text, partitions: [] };
}
