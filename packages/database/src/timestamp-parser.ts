import pg from 'pg';

const ISO_TIME = /^(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2})(\.\d+)?([+-]\d{2})(?::?(\d{2}))?$/;

/**
 * Reads a timestamptz in the form that sessions ask for. Throws on any other text (another DateStyle, a time that JSON has no form
 * for), so that whoever reads one in a transaction commits nothing: node-postgres would answer null.
 */
export function parseTimestamp(text: string): Date {
  const match = ISO_TIME.exec(text);
  const [, date, time, fraction = '', hours, minutes = '00'] = match ?? [];
  const parsed = new Date(`${date}T${time}${fraction}${hours}:${minutes}`);
  if (!match || Number.isNaN(parsed.getTime())) {
    throw new Error(`the database answered with an unreadable time: ${text}`);
  }
  return parsed;
}

/** For all connections of the process. */
export function readTimestampsStrictly(): void {
  pg.types.setTypeParser(pg.types.builtins.TIMESTAMPTZ, parseTimestamp);
}
