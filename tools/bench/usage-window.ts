import { cpuSeconds, familyCpuSeconds, machineCpuSeconds } from './process-usage.ts';

export interface UsageReport {
  readonly seconds: number;
  /** By the names that were watched, and `bench` for this process. */
  readonly cpuSeconds: Readonly<Record<string, number>>;
  /** Of everything else on the machine, the kernel's own threads included. */
  readonly othersCpuSeconds: number;
}

/** Watches who uses the cores from now on; the returned function tells. Processes are given by id, with the children they have. */
export function watchUsage(watched: Readonly<Record<string, readonly number[]>>): () => UsageReport {
  const look = () => ({
    atMs: performance.now(),
    machine: machineCpuSeconds(),
    ours: [
      ...Object.entries(watched).map(([name, pids]): [string, number] => [
        name,
        pids.reduce((sum, pid) => sum + familyCpuSeconds(pid), 0),
      ]),
      ['bench', cpuSeconds(process.pid)] satisfies [string, number],
    ],
  });
  const before = look();
  return () => {
    const after = look();
    const used = after.ours.map(([name, seconds], index): [string, number] => [
      name,
      seconds - (before.ours[index]?.[1] ?? 0),
    ]);
    const ours = used.reduce((sum, [, seconds]) => sum + seconds, 0);
    return {
      seconds: (after.atMs - before.atMs) / 1000,
      cpuSeconds: Object.fromEntries(used),
      othersCpuSeconds: Math.max(0, after.machine - before.machine - ours),
    };
  };
}

/** For example `relay 41 %, kafka 20 %, others 3 % of a core`. */
export function describeUsage(report: UsageReport): string {
  const share = (seconds: number) => `${Math.round((seconds / report.seconds) * 100)} %`;
  const named = Object.entries({ ...report.cpuSeconds, others: report.othersCpuSeconds });
  return `${named.map(([name, seconds]) => `${name} ${share(seconds)}`).join(', ')} of a core`;
}
