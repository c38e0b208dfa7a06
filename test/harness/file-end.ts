const cleanups: (() => Promise<void>)[] = [];

/**
 * Runs `cleanup` when the tests of this process are over. `t.after` hooks run in the order of their registration: there, a
 * database or topic would vanish before the processes and connections of the test that use it had ended.
 */
export function atFileEnd(cleanup: () => Promise<void>): void {
  if (cleanups.length === 0) process.once('beforeExit', () => void runCleanups());
  cleanups.push(cleanup);
}

async function runCleanups(): Promise<void> {
  for (const cleanup of cleanups.splice(0)) await cleanup();
}
