import { readFile } from 'node:fs/promises';

export interface MemorySample {
  readonly atMs: number;
  readonly bytes: number;
}

/** Growth by the straight line that fits best, in bytes per second; NaN for fewer than two samples. */
export function growthPerSecond(samples: readonly MemorySample[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const meanMs = mean(samples.map(({ atMs }) => atMs));
  const meanBytes = mean(samples.map(({ bytes }) => bytes));
  let covariance = 0;
  let variance = 0;
  for (const { atMs, bytes } of samples) {
    covariance += (atMs - meanMs) * (bytes - meanBytes);
    variance += (atMs - meanMs) ** 2;
  }
  return (covariance / variance) * 1000;
}

/** The memory that a process has resident now; Linux only. */
export async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kilobytes === undefined) throw new Error(`process ${pid} does not tell its memory`);
  return Number(kilobytes) * 1024;
}

/** Connections that a server on this machine has at an IPv4 port, those included whose client is gone; Linux only. */
export async function openConnections(port: number): Promise<number> {
  const sockets = await readFile('/proc/net/tcp', 'utf8');
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const isOpen = ([, address, , state]: string[]) =>
    address?.endsWith(local) && (state === ESTABLISHED || state === CLOSE_WAIT);
  return sockets.split('\n').filter((line) => isOpen(line.trim().split(/\s+/))).length;
}

const ESTABLISHED = '01';
const CLOSE_WAIT = '08';
