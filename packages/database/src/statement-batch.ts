import pg from 'pg';

/** A statement as a driver takes it; with a name it is prepared once in each session. */
export interface Statement {
  readonly name?: string | undefined;
  readonly text: string;
  readonly values: readonly unknown[];
}

type Callback = (error: unknown, results?: readonly pg.QueryResult[]) => void;

/** What the driver tells a query about the answers to it; its types know of `submit` only. */
interface AnsweredQuery {
  readonly name?: string | undefined;
  readonly text: string;
  callback: ((error: unknown, result?: pg.QueryResult) => void) | undefined;
  submit(connection: pg.Connection): Error | null;
  handleRowDescription(message: unknown): void;
  handleDataRow(message: unknown): void;
  handleCommandComplete(message: unknown, connection: pg.Connection): void;
  handleEmptyQuery(connection: pg.Connection): void;
  handlePortalSuspended(connection: pg.Connection): void;
  handleCopyInResponse(connection: pg.Connection): void;
  handleError(error: unknown, connection: pg.Connection): void;
  handleReadyForQuery(connection: pg.Connection): void;
}

/** Several statements that are sent as one query of the driver. */
interface StatementBatch extends pg.Submittable {
  /** Called once, with a result for each statement or with the first error. The driver puts its time-out around it. */
  callback: Callback | undefined;
}

/** What node-postgres notes of the statements that a session has prepared, or will have once it gets to them. */
interface PreparedStatements {
  readonly parsedStatements: Readonly<Record<string, string>>;
  readonly submittedNamedStatements: Record<string, string>;
}

/**
 * Sends statements in one round trip. All of them come before one Sync, so that the server leaves out everything behind one that fails:
 * what comes after a BEGIN is never run outside of its transaction. The driver's own pipeline mode has a Sync behind each of them.
 */
function createStatementBatch(statements: readonly Statement[]): StatementBatch {
  const queries = statements.map(queryOf);
  const results: pg.QueryResult[] = [];
  let answered = 0;
  let failure: { readonly error: unknown } | undefined;
  for (const query of queries) {
    query.callback = (error, result) => {
      if (result) results.push(result);
      else failure ??= { error };
    };
  }
  const current = () => queries[Math.min(answered, queries.length - 1)];
  const batch = {
    callback: undefined as Callback | undefined,
    /** Of the statement whose answers come now: the driver notes under it what is prepared. */
    get name() {
      return current()?.name;
    },
    get text() {
      return current()?.text;
    },
    submit(connection: pg.Connection) {
      connection.stream.cork();
      // Each query ends with a Sync; here only the last one does.
      const withoutSync = Object.create(connection, { sync: { value: () => {} } }) as pg.Connection;
      for (const query of queries) {
        const refusal = query.submit(withoutSync);
        if (refusal) failure ??= { error: refusal };
        if (failure) break;
      }
      connection.sync();
      connection.stream.uncork();
    },
    handleRowDescription: (message: unknown) => current()?.handleRowDescription(message),
    handleDataRow: (message: unknown) => current()?.handleDataRow(message),
    handlePortalSuspended: (connection: pg.Connection) => current()?.handlePortalSuspended(connection),
    handleCopyInResponse: (connection: pg.Connection) => current()?.handleCopyInResponse(connection),
    handleCommandComplete(message: unknown, connection: pg.Connection) {
      current()?.handleCommandComplete(message, connection);
      answered += 1;
    },
    handleEmptyQuery(connection: pg.Connection) {
      current()?.handleEmptyQuery(connection);
      answered += 1;
    },
    handleError(error: unknown, connection: pg.Connection) {
      forgetUnprepared(connection, queries);
      batch.callback?.(error);
    },
    handleReadyForQuery(connection: pg.Connection) {
      if (!failure) for (const query of queries) query.handleReadyForQuery(connection);
      if (failure) batch.handleError(failure.error, connection);
      else batch.callback?.(null, results);
    },
  };
  return batch;
}

/** Answers with a result for each statement; rejects with the first error, and then no later statement has had an effect. */
export function sendTogether(
  client: pg.ClientBase,
  statements: readonly Statement[],
): Promise<readonly pg.QueryResult[]> {
  const batch = createStatementBatch(statements);
  return new Promise((resolve, reject) => {
    const done: Callback = (error, results) => (results ? resolve(results) : reject(error));
    // The driver takes the callback beside the query; its types know that of other queries only.
    const query = client.query as unknown as (batch: StatementBatch, done: Callback) => void;
    query.call(client, batch, done);
  });
}

function queryOf({ name, text, values }: Statement): AnsweredQuery {
  // A query as text would bring its own end of the sequence.
  const config = { text, values: [...values], queryMode: 'extended', ...(name !== undefined && { name }) };
  return new pg.Query(config) as unknown as AnsweredQuery;
}

/** The server has left out what came behind the failure; without this the driver would take it for prepared. */
function forgetUnprepared(connection: pg.Connection, queries: readonly AnsweredQuery[]): void {
  const { parsedStatements, submittedNamedStatements } = connection as unknown as PreparedStatements;
  for (const { name } of queries) {
    if (name !== undefined && !Object.hasOwn(parsedStatements, name)) delete submittedNamedStatements[name];
  }
}
