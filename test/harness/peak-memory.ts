import { readFile } from 'node:fs/promises';

/** The most memory that a running process has had resident so far, in bytes; Linux only. */
export async function peakMemoryBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kilobytes === undefined) throw new Error(`process ${pid} tells no peak of its memory`);
  return Number(kilobytes) * 1024;
}
