export interface RetryFigures {
  /** Bound of the first pause. */
  readonly firstMs: number;
  /** The bound doubles up to this. */
  readonly maxMs: number;
}

/** How soon each kind of work is tried again after a failure, see `createRetryPause`. */
export const RETRY = {
  /** Metadata, and what was asked with metadata that has grown old: a leader is elected in tens of milliseconds. */
  cluster: { firstMs: 20, maxMs: 200 },
  /** A batch whose answer is missing or that its leader has put off; its events wait. */
  delivery: { firstMs: 20, maxMs: 500 },
  /** Following the end of the log. */
  follow: { firstMs: 50, maxMs: 500 },
  /** The markers of a transaction are written in a few milliseconds; a coordinator moves in tens. */
  coordinator: { firstMs: 3, maxMs: 100 },
  /** Being a member of a group, and committing as one. */
  group: { firstMs: 50, maxMs: 1_000 },
  /** A topic that is being made: its leaders take their time. */
  topic: { firstMs: 100, maxMs: 1_000 },
} as const satisfies Record<string, RetryFigures>;
