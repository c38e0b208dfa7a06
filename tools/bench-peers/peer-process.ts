import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { BenchContext } from '../bench-relay/bench-part.ts';
import type { RunningPeer } from './peer.ts';

const STOP_DEADLINE_MS = 10_000;

/** Runs a program until the part ends; what it prints goes to a file. */
export function startPeerProcess(
  { defer }: BenchContext,
  command: string,
  args: readonly string[],
  outputFile: string,
): RunningPeer {
  const output = openSync(outputFile, 'a');
  const child = spawn(command, args, { stdio: ['ignore', output, output] });
  closeSync(output);
  const { pid } = child;
  if (pid === undefined) throw new Error(`could not run ${command}`);
  const exited = once(child, 'exit');
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    const isGone = await Promise.race([exited.then(() => true), pause(STOP_DEADLINE_MS, false)]);
    if (!isGone) child.kill('SIGKILL');
    await exited;
  };
  const peer = { pid, stop: () => end('SIGTERM'), kill: () => end('SIGKILL') };
  defer(peer.kill);
  return peer;
}
