import type pg from 'pg';

/** What `query` of a client does, seen as a promise. */
export type SendQuery = (query: unknown, values?: unknown) => Promise<pg.QueryResult>;

/** Puts something around every query of a client, whether its caller waits for a promise or gave a callback, as the pool does. */
export function aroundQueries(client: pg.ClientBase, around: (send: SendQuery) => SendQuery): void {
  // Of the overloads, the one that answers with a promise, and the one of a batch, which calls back only.
  const send = client.query.bind(client) as SendQuery;
  const submit = client.query.bind(client) as unknown as (batch: unknown, done: Done) => void;
  const sendBatch: SendQuery = (batch) =>
    new Promise((resolve, reject) => {
      submit(batch, (error, result) => (error ? reject(error) : resolve(result)));
    });
  const run = around((query, values) => (isBatch(query) ? sendBatch(query) : send(query, values)));
  const query = (...given: unknown[]) => {
    const callback = given.findLast((one) => typeof one === 'function');
    const [text, values] = given.filter((one) => one !== callback);
    const answer = run(text, values);
    if (!callback) return answer;
    answer.then(
      (result) => callback(undefined, result),
      (error: unknown) => callback(error),
    );
    return undefined;
  };
  client.query = query as typeof client.query;
}

type Done = (error: unknown, result: pg.QueryResult) => void;

function isBatch(query: unknown): boolean {
  return typeof query === 'object' && query !== null && 'submit' in query;
}

export function textOf(query: unknown): string {
  if (typeof query === 'string') return query;
  return typeof query === 'object' && query !== null && 'text' in query ? String(query.text) : '';
}
