import { parseSnapshot } from '../cursor.ts';
import type { OutboxQuery } from './outbox-query.ts';
import type { OutboxRow } from './outbox-row.ts';

/** What a probe tells: how far the numbers of events have been given away, and who is in progress. */
export interface NumberProbe {
  readonly snapshot: string;
  /** Of the sequence; equal when no number was drawn in between. */
  readonly newest: string;
}

/** That the outbox was read under `snapshot`, and which number was the newest before that. */
export interface ReadMark {
  readonly snapshot: string;
  readonly newest: string;
  readonly readAtMs: number;
}

/**
 * Asks the sequence, which is one block, instead of the outbox, where each day has a table and an index to lock and open. The number
 * alone does not say whether it was drawn: the first one is there before.
 */
export const NUMBER_PROBE: OutboxQuery = {
  name: 'outbox_number',
  text: 'SELECT 0 AS group_index, pg_current_snapshot()::text AS header, last_value, is_called FROM outbox_seq',
  values: [],
};

export function numberProbe([row]: readonly OutboxRow[]): NumberProbe {
  const [, snapshot, lastValue, isCalled] = row ?? [];
  if (!snapshot || !lastValue || !isCalled) throw new Error('the sequence of the outbox did not answer');
  return { snapshot, newest: `${lastValue} ${isCalled}` };
}

/**
 * Whether no event can have come since the outbox was read. One that came belongs to a transaction that was in progress then and has
 * ended, or to one that began later and drew its number later.
 */
export function nothingCame(mark: ReadMark, probe: NumberProbe): boolean {
  if (mark.newest !== probe.newest) return false;
  const { inProgress } = parseSnapshot(mark.snapshot);
  if (inProgress.length === 0) return true;
  const now = new Set(parseSnapshot(probe.snapshot).inProgress);
  return inProgress.every((xid) => now.has(xid));
}
