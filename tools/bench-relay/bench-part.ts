import type { BenchServers } from './bench-servers.ts';

/** What a part of the benchmark runs with. */
export interface BenchContext {
  readonly servers: BenchServers;
  /** Aborts when the part has used up its time, or somebody ends the benchmark. */
  readonly signal: AbortSignal;
  /** Given to each relay that is profiled: where its profile goes. */
  readonly profileDir: string | undefined;
  /** Says what is being done, for whoever waits. */
  step(text: string): void;
  /** Done when the part is over, however it ended; the last one first. */
  defer(cleanUp: () => Promise<unknown>): void;
}

/** One question, and the measurement that answers it. */
export interface BenchPart {
  readonly name: string;
  readonly limitMs: number;
  run(context: BenchContext): Promise<readonly FigureTable[]>;
}

export interface FigureColumn {
  readonly key: string;
  readonly label: string;
  /** Behind the decimal point; default 0. */
  readonly digits?: number;
}

export type FigureRow = Readonly<Record<string, string | number>>;

/** Printed as a table for people, its rows as they are for programs. */
export interface FigureTable {
  readonly title: string;
  readonly columns: readonly FigureColumn[];
  readonly rows: readonly FigureRow[];
  readonly notes: readonly string[];
}
