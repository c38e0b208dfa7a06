/** Up to which time, of the database and in whole milliseconds, the stream is complete; absent while it is not known. */
export interface Complete {
  readonly completeThroughMs?: number;
}

/** What clients of both kinds of streams are told about their stream. */
export type StreamSignal =
  | { readonly kind: 'started'; readonly watcherId: string; readonly heartbeatMs: number }
  | ({ readonly kind: 'heartbeat'; readonly backlogEvents: bigint } & Complete)
  | { readonly kind: 'source state changed'; readonly available: boolean; readonly since: Date }
  | { readonly kind: 'gap'; readonly fromToken: string; readonly missedEvents: bigint }
  | { readonly kind: 'draining'; readonly reconnectDelayMs: number }
  | { readonly kind: 'access expiring'; readonly remainingMs: number };
