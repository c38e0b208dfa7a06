import type { ClientBase } from 'pg';

/** What a statement is asked on: a pool, or the connection of a transaction. */
export type Queries = Pick<ClientBase, 'query'>;
