import { clockFindings, type Finding, lockFindings, writeRelayReport } from '@order-events/outbox';
import { createRunningPart, type Logger, type Part, sleep } from '@order-events/runtime';
import type { Pool } from 'pg';
import type { FindingBoard } from './finding-board.ts';

export interface HealthReporterOptions {
  readonly pool: Pool;
  readonly owner: string;
  readonly board: FindingBoard;
  readonly log: Logger;
  readonly intervalMs: number;
  /** A lock on the relays' tables that is held for longer is told. */
  readonly heldLockMs: number;
}

/**
 * Tells everybody who looks at the database what this relay has found. Nothing is written while there is nothing to tell. The log is told
 * once when a finding comes and once when it is gone, since whoever finds something tries again, often for hours; of a halt the gate
 * tells it.
 */
export function createHealthReporter(options: HealthReporterOptions): Part {
  const { pool, owner, board, log } = options;
  let told: readonly Finding[] = [];
  let isStored = false;

  function tell(findings: readonly Finding[]): void {
    const names = new Set(told.map(({ name }) => name));
    const present = new Set(findings.map(({ name }) => name));
    for (const { name, text, severity } of findings) {
      if (!names.has(name) && severity !== 'halt') log.warn({ finding: name, severity }, text);
    }
    for (const name of names) if (!present.has(name)) log.info({ finding: name }, 'no more');
    told = findings;
  }

  async function store(findings: readonly Finding[]): Promise<void> {
    if (findings.length === 0 && !isStored) return;
    isStored = true;
    await writeRelayReport(pool, owner, findings);
    isStored = findings.length > 0;
  }

  async function look(): Promise<void> {
    board.put('locks', await lockFindings(pool, options.heldLockMs).catch(() => []));
    board.put('clock of the database', await clockFindings(pool).catch(() => []));
    const findings = board.list();
    tell(findings);
    // Whoever cannot write here is found by what he cannot write elsewhere.
    await store(findings).catch((error: unknown) =>
      log.debug({ reason: error }, 'could not store what was found'),
    );
  }

  return createRunningPart(
    'health reporter',
    async (stopping) => {
      while (!stopping.aborted) {
        await look();
        await sleep(options.intervalMs, stopping);
      }
    },
    () => store([]).catch(() => {}),
  );
}
