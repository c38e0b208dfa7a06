import { parseArgs } from 'node:util';
import type { BenchPart, FigureTable } from './bench-part.ts';
import { type BenchServers, startBenchServers } from './bench-servers.ts';
import { baselinePart } from './baseline-part.ts';
import { drainPart } from './drain-part.ts';
import { emptyPollPart } from './empty-poll-part.ts';
import { latencyPart } from './latency-part.ts';
import { describeMachine, machineLoad, machineText } from './machine.ts';
import { textTable } from './text-table.ts';
import { writeSidePart } from './write-side-part.ts';

const PARTS: readonly BenchPart[] = [latencyPart, drainPart, emptyPollPart, writeSidePart, baselinePart];
const USAGE = `usage: node tools/bench-relay/main.ts [--json] [--cpu-prof FOLDER] [${PARTS.map(({ name }) => name).join(' | ')}]...`;

interface PartReport {
  readonly part: string;
  readonly loadBefore: number;
  readonly seconds: number;
  readonly tables: readonly FigureTable[];
  readonly failure?: string;
}

const stopped = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => stopped.abort(new Error('stopped by the user')));
}

const chosen = chooseParts();
if (!chosen) {
  console.error(USAGE);
  process.exitCode = 2;
} else {
  process.exitCode = await benchmark(chosen.parts, chosen);
}

function chooseParts(): { parts: BenchPart[]; json: boolean; profileDir: string | undefined } | undefined {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { json: { type: 'boolean', default: false }, 'cpu-prof': { type: 'string' } },
    });
    const parts = PARTS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
    if (parts.length < new Set(positionals).size) return undefined;
    return { parts, json: values.json, profileDir: values['cpu-prof'] };
  } catch {
    return undefined;
  }
}

async function benchmark(
  parts: readonly BenchPart[],
  { json, profileDir }: { json: boolean; profileDir: string | undefined },
): Promise<number> {
  step('starting PostgreSQL and Kafka');
  const servers = await startBenchServers();
  try {
    const machine = await describeMachine(servers);
    if (!json) console.log(machineText(machine));
    const reports: PartReport[] = [];
    for (const part of parts) {
      if (stopped.signal.aborted) break;
      const report = await runPart(part, servers, profileDir);
      reports.push(report);
      if (!json) printReport(report);
    }
    if (json) console.log(JSON.stringify({ machine, parts: reports }, undefined, 2));
    return stopped.signal.aborted || reports.some(({ failure }) => failure) ? 1 : 0;
  } finally {
    await servers.stop();
  }
}

/** A part that fails, or takes too long, does not keep the others from running. */
async function runPart(
  part: BenchPart,
  servers: BenchServers,
  profileDir: string | undefined,
): Promise<PartReport> {
  const signal = AbortSignal.any([stopped.signal, AbortSignal.timeout(part.limitMs)]);
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
