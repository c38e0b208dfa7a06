import type { FigureRow, FigureTable } from '../bench/figure-table.ts';
import type { ApiProcess } from './api-process.ts';
import type { BenchContext } from './bench-part.ts';
import { measureInTurns, type MeasuredWay, ROUND_COLUMNS, ROUND_NOTE } from './interleaved-rounds.ts';

const CONCURRENCIES = [1, 8, 32];
const QUICK_CONCURRENCIES = [8];

/** Measures ways beside each other with one client after another, and with several. */
export async function measuredTable(
  context: BenchContext,
  api: ApiProcess,
  about: {
    readonly title: string;
    readonly notes: readonly string[];
    readonly concurrencies?: readonly number[];
  },
  ways: readonly Omit<MeasuredWay, 'apiPid'>[],
): Promise<FigureTable> {
  const rows: FigureRow[] = [];
  const notes = [...about.notes, ROUND_NOTE];
  const { concurrencies = context.quick ? QUICK_CONCURRENCIES : CONCURRENCIES } = about;
  for (const concurrency of concurrencies) {
    const measured = await measureInTurns(
      context,
      concurrency,
      ways.map((way) => ({ ...way, apiPid: api.pid })),
    );
    rows.push(...measured.rows);
    notes.push(measured.note);
  }
  return { title: about.title, columns: ROUND_COLUMNS, rows, notes };
}
