import { parseArgs } from 'node:util';
import type { BenchPart } from './bench-part.ts';
import type { FigureTable } from './figure-table.ts';
import { type Machine, machineLoad } from './machine.ts';
import { textTable } from './text-table.ts';

export interface Benchmark<Servers extends { stop(): Promise<void> }> {
  readonly name: string;
  readonly parts: readonly BenchPart<Servers>[];
  readonly serverNames: string;
  startServers(): Promise<Servers>;
  /** What it runs on, for programs and for people. */
  describe(servers: Servers): Promise<{ machine: Machine; text: string }>;
  /** Whether its parts know a smaller way to run. */
  readonly hasQuickWay?: boolean;
}

interface Choice<Servers> {
  readonly parts: readonly BenchPart<Servers>[];
  readonly json: boolean;
  readonly quick: boolean;
  readonly profileDir: string | undefined;
}

interface PartReport {
  readonly part: string;
  readonly loadBefore: number;
  readonly seconds: number;
  readonly tables: readonly FigureTable[];
  readonly failure?: string;
}

/** Runs the parts that the command line names, or all, and prints what they give. Answers the exit code. */
export async function runBenchmark<Servers extends { stop(): Promise<void> }>(
  benchmark: Benchmark<Servers>,
): Promise<number> {
  const choice = chooseParts(benchmark);
  if (!choice) {
    console.error(usage(benchmark));
    return 2;
  }
  const stopped = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => stopped.abort(new Error('stopped by the user')));
  }
  step(`starting ${benchmark.serverNames}`);
  const servers = await benchmark.startServers();
  try {
    const { machine, text } = await benchmark.describe(servers);
    if (!choice.json) console.log(text);
    const reports: PartReport[] = [];
    for (const part of choice.parts) {
      if (stopped.signal.aborted) break;
      const report = await runPart(part, servers, choice, stopped.signal);
      reports.push(report);
      if (!choice.json) printReport(report);
    }
    if (choice.json) console.log(JSON.stringify({ machine, parts: reports }, undefined, 2));
    return stopped.signal.aborted || reports.some(({ failure }) => failure) ? 1 : 0;
  } finally {
    await servers.stop();
  }
}

function usage({
  name,
  parts,
  hasQuickWay,
}: Pick<Benchmark<never>, 'name' | 'parts' | 'hasQuickWay'>): string {
  const names = parts.map((part) => part.name).join(' | ');
  return `usage: node tools/${name}/main.ts [--json]${hasQuickWay ? ' [--quick]' : ''} [--cpu-prof FOLDER] [${names}]...`;
}

function chooseParts<Servers extends { stop(): Promise<void> }>(
  benchmark: Benchmark<Servers>,
): Choice<Servers> | undefined {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        json: { type: 'boolean', default: false },
        quick: { type: 'boolean', default: false },
        'cpu-prof': { type: 'string' },
      },
    });
    const parts = benchmark.parts.filter(
      ({ name }) => positionals.length === 0 || positionals.includes(name),
    );
    if (parts.length < new Set(positionals).size) return undefined;
    if (values.quick && !benchmark.hasQuickWay) return undefined;
    return { parts, json: values.json, quick: values.quick, profileDir: values['cpu-prof'] };
  } catch {
    return undefined;
  }
}

/** A part that fails, or takes too long, does not keep the others from running. */
async function runPart<Servers>(
  part: BenchPart<Servers>,
  servers: Servers,
  { quick, profileDir }: Choice<Servers>,
  stopped: AbortSignal,
): Promise<PartReport> {
  const signal = AbortSignal.any([stopped, AbortSignal.timeout(part.limitMs)]);
  const cleanUps: (() => Promise<unknown>)[] = [];
  const loadBefore = machineLoad();
  const startedMs = performance.now();
  const report = (rest: { tables: readonly FigureTable[]; failure?: string }): PartReport => ({
    part: part.name,
    loadBefore,
    seconds: (performance.now() - startedMs) / 1000,
    ...rest,
  });
  try {
    const running = part.run({
      servers,
      signal,
      quick,
      profileDir,
      step: (text) => step(`${part.name}: ${text}`),
      defer: (cleanUp) => void cleanUps.push(cleanUp),
    });
    return report({ tables: await Promise.race([running, rejectedWhenAborted(signal)]) });
  } catch (error) {
    const failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return report({ tables: [], failure });
  } finally {
    for (const cleanUp of cleanUps.toReversed()) {
      await cleanUp().catch((error: unknown) => step(`${part.name}: clean-up failed: ${String(error)}`));
    }
  }
}

function rejectedWhenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const give = () => reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    if (signal.aborted) give();
    else signal.addEventListener('abort', give, { once: true });
  });
}

function printReport({ part, tables, failure, loadBefore, seconds }: PartReport): void {
  for (const table of tables) console.log(textTable(table));
  if (failure) console.log(`\n── ${part}: FAILED\n  ${failure}`);
  console.log(`  · ${part} took ${seconds.toFixed(0)} s; load average before it: ${loadBefore.toFixed(2)}`);
}

function step(text: string): void {
  console.error(`… ${text}`);
}
