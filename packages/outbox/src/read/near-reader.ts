import type { Cursor } from '../cursor.ts';
import type { PendingEvent } from '../pending-event.ts';
import { requireCursorNotAhead } from './cursor-ahead-error.ts';
import { buildNearLook, nearLook } from './near-look.ts';
import { nothingCame, NUMBER_PROBE, type NumberProbe, numberProbe, type ReadMark } from './number-probe.ts';
import type { CursorGroup, PageLimits } from './outbox-query.ts';
import type { OutboxSession } from './outbox-session.ts';

export interface NearPage {
  readonly events: readonly PendingEvent[];
  readonly next: Cursor;
}

export interface NearReader {
  /** Undefined when the window is not small. What came, and the cursor behind it: the same one while the outbox was left alone. */
  read(group: CursorGroup): Promise<NearPage | undefined>;
  /** What is known is of another run of the server. */
  forget(): void;
}

/**
 * A probe does not see a row with a number of its own making, nor one whose transaction got its id after the number. Such rows wait for
 * the next look at the outbox itself, and so long at most.
 */
const LOOK_AT_LEAST_EVERY_MS = 1000;
/** While events flow a probe would only be a second round trip. */
const LOOKS_OF_A_FLOW = 2;

/**
 * Looks at the outbox only when a cheap probe says that something may have come. Completeness and order do not rest on the probe:
 * after one that says no the cursor stays where it is, as if nobody had looked.
 */
export function createNearReader(options: {
  session: OutboxSession;
  partitionCount: number;
  limits: PageLimits;
  monotonicMs: () => number;
}): NearReader {
  const { session, partitionCount, limits, monotonicMs } = options;
  let mark: ReadMark | undefined;
  let looksWithEvents = 0;

  const isFresh = ({ readAtMs }: ReadMark) => monotonicMs() - readAtMs < LOOK_AT_LEAST_EVERY_MS;

  /** The probe comes first: a number that is drawn while the outbox is read must not count as known. */
  async function lookAtOutbox(
    group: CursorGroup,
    probe: NumberProbe | undefined,
  ): Promise<NearPage | undefined> {
    const readAtMs = monotonicMs();
    const found = nearLook(await session.query(buildNearLook(group, partitionCount, limits)), group, limits);
    mark = probe && found ? { snapshot: found.snapshot, newest: probe.newest, readAtMs } : undefined;
    looksWithEvents = !found || found.events.length > 0 ? looksWithEvents + 1 : 0;
    if (!found) return undefined;
    const { snapshot, takenAtMs, events } = found;
    requireCursorNotAhead(group.cursor, snapshot);
    return { events, next: { snapshot, takenAtMs } };
  }

  return {
    async read(group) {
      if (looksWithEvents >= LOOKS_OF_A_FLOW) return lookAtOutbox(group, undefined);
      const probe = numberProbe(await session.query(NUMBER_PROBE));
      if (mark?.snapshot !== group.cursor.snapshot || !isFresh(mark) || !nothingCame(mark, probe)) {
        return lookAtOutbox(group, probe);
      }
      requireCursorNotAhead(group.cursor, probe.snapshot);
      looksWithEvents = 0;
      return { events: [], next: group.cursor };
    },
    forget: () => (mark = undefined),
  };
}
