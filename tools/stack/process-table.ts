import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

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

function ps(...args: string[]): Promise<{ stdout: string }> {
  return promisify(execFile)('ps', args);
}
