import type { CompiledQuery, PostgresPool, PostgresPoolClient } from 'kysely';
import type { Pool, PoolClient, QueryResult } from 'pg';
import { createInsertNames } from './prepared-inserts.ts';
import { sendTogether, type Statement } from './statement-batch.ts';

/** In place of a statement's text: its values are queries that are sent together. */
export const TOGETHER = '-- queries that are sent together';

const BEGIN = /^(begin|start transaction)\b/i;
const END = /^(commit|rollback)$/i;

type Send = (
  text: string,
  values: readonly unknown[],
) => Promise<Pick<QueryResult, 'command' | 'rowCount' | 'rows'>>;

/**
 * The pool as the query builder sees it. With sessions of its own it has them prepare inserts, and BEGIN waits for the first statement of
 * its transaction and goes in one round trip with it. Without, a pooler in transaction mode is in between: it keeps no statement, and what
 * makes a transaction's settings looks at each BEGIN.
 */
export function createQueryPool(pool: Pool, ownSessions: boolean): PostgresPool {
  const nameOf = ownSessions ? createInsertNames() : () => undefined;
  return {
    options: pool.options,
    end: () => pool.end(),
    async connect() {
      const client = await pool.connect();
      const send = sendingTo(client, nameOf);
      const query = ownSessions
        ? beginningLate(send)
        : (text: string, values: readonly unknown[]) => send(undefined, text, values);
      return {
        // The other overload takes a cursor, which Kysely hands over only where it was given a class for them.
        query: query as unknown as PostgresPoolClient['query'],
        release: (destroy) => client.release(destroy),
      };
    },
  };
}

type SendAfter = (begin: string | undefined, ...query: Parameters<Send>) => ReturnType<Send>;

/** Sends one statement, or those of `executeTogether`; a BEGIN that has waited goes before them. */
function sendingTo(client: PoolClient, nameOf: (text: string) => string | undefined): SendAfter {
  const named = ({ text, values }: Statement): Statement => ({ name: nameOf(text), text, values });
  return async (begin, text, values) => {
    const asked = statementsTogether(text, values);
    const statements = (asked ?? [{ text, values }]).map(named);
    const [only] = statements;
    if (only && !asked && begin === undefined) {
      return client.query({ ...only, values: [...only.values] });
    }
    const first = begin === undefined ? [] : [{ text: begin, values: [] }];
    const results = (await sendTogether(client, [...first, ...statements])).slice(first.length);
    const last = results.at(-1);
    if (!last) throw new Error('the database answered to no statement');
    return asked ? { command: 'TOGETHER', rowCount: null, rows: [...results] } : last;
  };
}

function beginningLate(send: SendAfter): Send {
  let begin: string | undefined;
  return async (text, values) => {
    if (BEGIN.test(text)) {
      begin = text;
      return { command: 'BEGIN', rowCount: null, rows: [] };
    }
    const waited = begin;
    begin = undefined;
    // Nothing was done between the two.
    if (waited !== undefined && END.test(text))
      return { command: text.toUpperCase(), rowCount: null, rows: [] };
    return send(waited, text, values);
  };
}

/** The statements that `executeTogether` asks for; undefined when this is one statement. */
function statementsTogether(text: string, values: readonly unknown[]): Statement[] | undefined {
  if (text !== TOGETHER) return undefined;
  // From `executeTogether`, which puts nothing else there.
  return (values as readonly CompiledQuery[]).map(({ sql, parameters }) => ({
    text: sql,
    values: parameters,
  }));
}
