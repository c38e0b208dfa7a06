import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';

/**
 * Runs a shell script when this process has ended, however that came about, SIGKILL included: the shell waits on a pipe that only
 * this process can write, so its end tells. The guard keeps nobody from ending. Returns a function that calls the guard off.
 */
export function runWhenOwnerEnds(script: string, ...args: string[]): () => void {
  const guard = spawn('sh', ['-c', `cat >/dev/null\n${script}`, 'guard', ...args], {
    // A session of its own keeps Ctrl-C in the terminal away from it.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  guard.unref();
  // A child's stdin pipe is a socket; its type only says Writable.
  (guard.stdin as Socket).unref();
  return () => guard.kill('SIGKILL');
}
