import { KafkaProtocolError, LedgerUnreadableError } from '@order-events/messaging';
import type { Finding } from '@order-events/outbox';
import { reasonOf, type SparingWarn } from '@order-events/runtime';
import { appendSource } from './append-findings.ts';
import type { FindingBoard } from './finding-board.ts';

export interface ClaimTrouble {
  failed(error: unknown): void;
  claimed(): void;
}

/** Brokers that restart have no coordinators for a while: only what lasts longer is for a person to mend. */
const PASSING_MS = 20_000;

/**
 * Tells that a partition cannot be taken over, for as long as it is this relay's. Where a setting or a right is behind it the relay can
 * do nothing by itself, and is not ready.
 */
export function createClaimTrouble(options: {
  partition: number;
  /** Aborts when the partition is another's: what was found about it is no longer this relay's to tell. */
  lost: AbortSignal;
  board: FindingBoard;
  warn: SparingWarn;
}): ClaimTrouble {
  const { partition, lost, board, warn } = options;
  const source = `claim ${partition}`;
  let sinceMs: number | undefined;

  function forget(): void {
    sinceMs = undefined;
    board.put(source, []);
  }
  lost.addEventListener(
    'abort',
    () => {
      forget();
      board.put(appendSource(partition), []);
    },
    { once: true },
  );

  return {
    claimed: forget,
    failed(error) {
      const nowMs = performance.now();
      sinceMs ??= nowMs;
      const finding = claimFinding(error, nowMs - sinceMs);
      board.put(source, [{ ...finding, partitions: [partition] }]);
      warn({ reason: error, partition }, 'could not claim the partition, trying again', finding.text);
    },
  };
}

/** The relay goes on with the other partitions, so it stays ready. */
const READ_ELSEWHERE =
  'let a broker lead the partition that has it whole, then it goes on by itself; ' +
  'if none has, `outboxctl rebase` publishes its events again';

function claimFinding(error: unknown, forMs: number): Finding {
  if (error instanceof LedgerUnreadableError) {
    return { name: 'ledger-unreadable', severity: 'fault', text: `${error.message}: ${READ_ELSEWHERE}` };
  }
  const known = error instanceof KafkaProtocolError ? error : undefined;
  const lasts = known?.advice !== undefined && (!known.transient || forMs >= PASSING_MS);
  return {
    name: 'claim-failed',
    severity: lasts ? 'halt' : 'fault',
    text: `partitions cannot be taken over: ${known?.reason ?? reasonOf(error)}`,
  };
}
