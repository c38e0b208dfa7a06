import type { FigureTable } from './figure-table.ts';

/** What a part of a benchmark runs with. */
export interface BenchContext<Servers> {
  readonly servers: Servers;
  /** Aborts when the part has used up its time, or somebody ends the benchmark. */
  readonly signal: AbortSignal;
  /** Smaller and shorter, for whoever works on the code: the figures mean less. */
  readonly quick: boolean;
  /** Given to each process under test that is profiled: where its profile goes. */
  readonly profileDir: string | undefined;
  /** Says what is being done, for whoever waits. */
  step(text: string): void;
  /** Done when the part is over, however it ended; the last one first. */
  defer(cleanUp: () => Promise<unknown>): void;
}

/** One question, and the measurement that answers it. */
export interface BenchPart<Servers> {
  readonly name: string;
  readonly limitMs: number;
  run(context: BenchContext<Servers>): Promise<readonly FigureTable[]>;
}
