/** The record header of an event that is published again on an operator's wish; its value names the replay. */
export const REPLAY_ID_HEADER = 'replay_id';

/**
 * What the topic, as the ledger, knows a record by: the id of its event, or `<event id>/<replay id>` for a record of a replay, which
 * is one more publication of the same event and is made once as well.
 */
export function ledgerId(eventId: string, replayId?: string): string {
  return replayId === undefined ? eventId : `${eventId}/${replayId}`;
}
