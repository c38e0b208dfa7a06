import { readdirSync, readFileSync } from 'node:fs';

/** Unit of the times in /proc, whatever the kernel's own: USER_HZ. */
const TICKS_PER_SECOND = 100;

/** User and system time of a process and of those of its children that have ended. Linux only, as is all of this file. */
export function cpuSeconds(pid: number): number {
  const { ticks } = readStat(pid);
  return ticks / TICKS_PER_SECOND;
}

/** The same for a process and the children it has now, such as a Postgres server and its sessions. */
export function familyCpuSeconds(parent: number): number {
  let ticks = readStat(parent).ticks;
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const child = readStat(Number(entry));
      if (child.parent === parent) ticks += child.ticks;
    } catch {
      // It has ended since the folder was listed.
    }
  }
  return ticks / TICKS_PER_SECOND;
}

/** Time that the cores were busy, or taken away by the machine underneath, since the machine started. */
export function machineCpuSeconds(): number {
  const line = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0] ?? '';
  const [user = 0, nice = 0, system = 0, , , irq = 0, softIrq = 0, stolen = 0] = line
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softIrq + stolen) / TICKS_PER_SECOND;
}

/** The most memory that a process has had in use, in MB. */
export function peakMemoryMb(pid: number): number {
  return statusKilobytes(pid, 'VmHWM') / 1024;
}

/** The memory that a process has in use, in kB. */
export function memoryKilobytes(pid: number): number {
  return statusKilobytes(pid, 'VmRSS');
}

/** Time on a core in µs, to the nanosecond, without that of children. */
export function scheduledMicros(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ', 1)[0]) / 1000;
}

function statusKilobytes(pid: number, name: string): number {
  const line = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1]);
}

function readStat(pid: number): { parent: number; ticks: number } {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name of the program comes first, in parentheses, and may hold anything.
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const [, parent = 0] = fields;
  return { parent, ticks: fields.slice(11, 15).reduce((sum, ticks) => sum + ticks, 0) };
}
