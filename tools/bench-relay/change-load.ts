import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { OUTBOX, type OutboxTable } from './outbox-tables.ts';

/** A stretch of load: change number `first + n` is due `n / changesPerSecond` after the start, whatever became of the others. */
export interface LoadPhase {
  readonly changesPerSecond: number;
  readonly seconds: number;
  readonly first: number;
}

/** By position in the phase, on the machine's monotonic clock. */
export interface PhaseLog {
  readonly dueAtMs: Float64Array;
  readonly committedAtMs: Float64Array;
}

export type LoadAnswer = { readonly log: PhaseLog } | { readonly error: string } | { readonly ready: true };

export interface ChangeLoad {
  readonly pid: number;
  /** Resolves when the last change of the phase is committed; rejects when one fails. */
  run(phase: LoadPhase): Promise<PhaseLog>;
  stop(): Promise<void>;
}

/** Starts the process that changes orders, and waits until it is connected and has placed its orders. */
export async function startChangeLoad(
  databaseUrl: string,
  { name }: OutboxTable = OUTBOX,
): Promise<ChangeLoad> {
  const child = fork(join(import.meta.dirname, 'change-load-main.ts'), [databaseUrl, name], {
    serialization: 'advanced',
    execArgv: [],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error('could not run the change load');
  const exited = once(child, 'exit').then(() => {
    throw new Error('the change load has ended');
  });
  exited.catch(() => undefined);
  const answer = async () => {
    const [message] = await Promise.race([once(child, 'message'), exited]);
    // The other side is change-load-main.ts, which sends nothing else.
    const said = message as LoadAnswer;
    if ('error' in said) throw new Error(`the change load failed: ${said.error}`);
    return said;
  };
  await answer();
  return {
    pid,
    async run(phase) {
      child.send(phase);
      const said = await answer();
      if (!('log' in said)) throw new Error('the change load answered out of turn');
      return said.log;
    },
    async stop() {
      child.disconnect();
      await exited.catch(() => undefined);
    },
  };
}
