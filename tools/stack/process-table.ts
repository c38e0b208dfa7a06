import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';

/** A look takes some milliseconds. */
const MOST_LOOKS = 500;

/** Whether a process with this id exists, of whatever user. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error: unknown) {
    // EPERM: it is there, and belongs to another user.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

export function killIfAlive(pid: number, signal: string): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Already gone, which is what was wanted.
  }
}

/** The program and its arguments; empty when there is no such process. */
export async function commandLine(pid: number): Promise<string> {
  const { stdout } = await ps('-ww', '-o', 'command=', '-p', String(pid)).catch(() => ({ stdout: '' }));
  return stdout;
}

export async function childrenOf(parent: number): Promise<number[]> {
  const { stdout } = await ps('-A', '-o', 'pid=,ppid=');
  const rows = stdout.split('\n').map((row) => row.trim().split(/\s+/).map(Number));
  return rows.flatMap(([pid, ppid]) => (pid !== undefined && ppid === parent ? [pid] : []));
}

/**
 * SIGSTOP, and the wait until it has taken effect: the threads of a process run on until the scheduler has stopped each.
 * It blocks, because a caller that goes on meanwhile would still get answers.
 */
export function stopNow(pid: number): void {
  process.kill(pid, 'SIGSTOP');
  for (let look = 0; look < MOST_LOOKS; look += 1) {
    if (execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).startsWith('T')) return;
  }
  throw new Error(`process ${pid} did not stop`);
}

function ps(...args: string[]): Promise<{ stdout: string }> {
  return promisify(execFile)('ps', args);
}
