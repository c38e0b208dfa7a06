import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';

/** What the figures were measured on. */
export interface Machine {
  readonly cores: number;
  readonly processor: string;
  readonly memoryGb: number;
  readonly node: string;
}

export function thisMachine(): Machine {
  return {
    cores: availableParallelism(),
    processor: cpus()[0]?.model ?? 'unknown',
    memoryGb: Math.round(totalmem() / 1024 ** 3),
    node: process.versions.node,
  };
}

/** Processes that wanted a core, on average over the last minute. */
export function machineLoad(): number {
  return loadavg()[0] ?? Number.NaN;
}

export function machineText({ cores, processor, memoryGb }: Machine): string {
  return `${cores} cores (${processor}), ${memoryGb} GB`;
}
