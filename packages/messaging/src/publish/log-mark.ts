/** An event in its place. */
export interface LoggedEvent {
  readonly offset: bigint;
  readonly eventId: string;
}

/**
 * What a log is known by: a log in which the event lies in its place has everything that came before, as it loses its end only. Without
 * an event none was known to be in it.
 */
export interface LogMark {
  readonly topicId: string;
  readonly last?: LoggedEvent | undefined;
}
