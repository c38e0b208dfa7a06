/** A dated partition of the table `outbox`. Days are of UTC. */
export interface DayTable {
  readonly name: string;
  readonly from: Date;
  readonly to: Date;
}

const DAY_MS = 24 * 60 * 60 * 1000;
const MINUTE_MS = 60 * 1000;
/** Between the plan and the attachment of today's table its first rows still go to the default one. */
const HEAD_START_MS = 2 * MINUTE_MS;

/** `outbox_20260217` for any time of that day. */
export function dayTableName(day: Date): string {
  return `outbox_${day.toISOString().slice(0, 10).replaceAll('-', '')}`;
}

export const isDayTableName = (name: string): boolean => /^outbox_\d{8}$/.test(name);

/**
 * What is missing of the tables for today and the days ahead. Today's begins a little after `now`, and is left to tomorrow when that
 * is not today any more: what is written before goes to the default table, and a table cannot be made for rows that are there.
 */
export function missingDayTables(options: {
  now: Date;
  daysAhead: number;
  existing: ReadonlySet<string>;
}): DayTable[] {
  const { now, daysAhead, existing } = options;
  const todayMs = Math.floor(now.getTime() / DAY_MS) * DAY_MS;
  const earliestMs = Math.ceil((now.getTime() + HEAD_START_MS) / MINUTE_MS) * MINUTE_MS;
  return Array.from({ length: daysAhead + 1 }, (_, day) => todayMs + day * DAY_MS)
    .map((startMs) => ({
      name: dayTableName(new Date(startMs)),
      from: new Date(Math.max(startMs, earliestMs)),
      to: new Date(startMs + DAY_MS),
    }))
    .filter(({ name, from, to }) => from < to && !existing.has(name));
}

/** Those whose last row is older than the replay window, oldest first. */
export function expiredDayTables(options: {
  now: Date;
  replayWindowMs: number;
  existing: readonly DayTable[];
}): DayTable[] {
  const cutoffMs = options.now.getTime() - options.replayWindowMs;
  return options.existing
    .filter(({ name, to }) => isDayTableName(name) && to.getTime() <= cutoffMs)
    .sort((one, other) => one.to.getTime() - other.to.getTime());
}
