import type { FigureRow } from '../bench/figure-table.ts';

/** Who is told of a run while it goes on. */
export interface RunListener {
  readonly say: (line: string) => void;
  readonly onRow: (row: FigureRow) => Promise<void>;
}

/** Those with one of these parts in their names; without any, all are. */
export function isChosen(name: string, parts: readonly string[]): boolean {
  return parts.length === 0 || parts.some((part) => name.includes(part));
}
