import { CompiledQuery } from 'kysely';
import type { QueryResult } from 'pg';
import type { Transaction } from './database.ts';
import { TOGETHER } from './query-pool.ts';

/** The rows that each of some queries answers with. */
type RowsOf<Rows extends readonly unknown[]> = { readonly [Index in keyof Rows]: readonly Rows[Index][] };

/**
 * Runs queries one after another, in one round trip to the database. Each sees what those before it have done and what was committed until
 * it began, as if it were sent alone. None behind one that fails is run.
 */
export async function executeTogether<Rows extends readonly unknown[]>(
  transaction: Transaction,
  queries: readonly [...{ [Index in keyof Rows]: CompiledQuery<Rows[Index]> }],
): Promise<RowsOf<Rows>> {
  const { rows } = await transaction.executeQuery(CompiledQuery.raw(TOGETHER, [...queries]));
  // What the pool below answers to such a text.
  return (rows as QueryResult[]).map((result) => result.rows) as unknown as RowsOf<Rows>;
}
