import type pg from 'pg';

/** What `query` of a client does, seen as a promise. */
export type SendQuery = (query: unknown, values?: unknown) => Promise<pg.QueryResult>;

/** Puts something around every query of a client, whether its caller waits for a promise or gave a callback, as the pool does. */
export function aroundQueries(client: pg.ClientBase, around: (send: SendQuery) => SendQuery): void {
  // Of the overloads, the one that answers with a promise.
  const run = around(client.query.bind(client) as SendQuery);
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

export function textOf(query: unknown): string {
  if (typeof query === 'string') return query;
  return typeof query === 'object' && query !== null && 'text' in query ? String(query.text) : '';
}
