import { currentSecret } from '@order-events/runtime';
import type pg from 'pg';

/** One setting of a Postgres session. */
export interface SessionSetting {
  readonly name: string;
  readonly value: string;
}

/**
 * What this program's statements rest on, whatever a role or a database was given by `ALTER … SET`. Left alone are settings that an
 * operator may well mean (read-only, synchronous_commit, transaction_timeout) and those that only make the planner slower.
 */
const RELIED_ON: readonly SessionSetting[] = [
  // Times, intervals and numbers are read as texts.
  { name: 'datestyle', value: 'ISO, MDY' },
  { name: 'intervalstyle', value: 'postgres' },
  { name: 'timezone', value: 'UTC' },
  { name: 'extra_float_digits', value: '1' },
  // Lists with NULL are sent as texts.
  { name: 'array_nulls', value: 'on' },
  { name: 'standard_conforming_strings', value: 'on' },
];

/** Beside them, for a session that nobody else uses. */
const OF_A_SESSION: readonly SessionSetting[] = [
  // What waits for a row lock goes on with what it finds then, and is not refused.
  { name: 'default_transaction_isolation', value: 'read committed' },
  // A pool keeps connections as long as it likes.
  { name: 'idle_session_timeout', value: '0' },
];

/** A database's URL without the settings of the session that it may carry, which are read from it. */
export interface SettledUrl {
  readonly url: string;
  /** Such as search_path: `?options=-c%20search_path%3Dshop`. */
  readonly settings: readonly SessionSetting[];
}

/** Throws when the URL has options that are not settings. */
export function settledUrl(databaseUrl: string): SettledUrl {
  const url = new URL(databaseUrl);
  const options = url.searchParams.get('options');
  if (options === null) return { url: databaseUrl, settings: [] };
  url.searchParams.delete('options');
  return { url: url.href, settings: parseOptions(options) };
}

/**
 * For a session of its own: sent when it starts. `further` settings come after those of the URL. Ask for each connection, as the password
 * is that of the moment.
 */
export function sessionConfig(
  databaseUrl: string,
  further: readonly SessionSetting[] = [],
): Pick<pg.ClientConfig, 'connectionString' | 'options'> {
  const { settings } = settledUrl(databaseUrl);
  // Of two for one name the later one holds.
  const all = [...settings, ...further, ...RELIED_ON, ...OF_A_SESSION];
  const options = all.map(({ name, value }) => `-c ${name}=${value.replace(/[\\\s]/g, '\\$&')}`);
  return { connectionString: currentUrl(databaseUrl), options: options.join(' ') };
}

/** Without settings of the session, and with the password as it is now: it may be in a file that is replaced. All else stays. */
export function currentUrl(databaseUrl: string): string {
  const settled = settledUrl(databaseUrl).url;
  const password = URL.parse(currentSecret(databaseUrl))?.password;
  const url = new URL(settled);
  if (!password || password === url.password) return settled;
  url.password = password;
  return url.href;
}

/** SQL that makes the settings hold until the transaction ends. */
export function transactionSettings(settings: readonly SessionSetting[]): string {
  const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;
  const calls = [...settings, ...RELIED_ON].map(
    ({ name, value }) => `pg_catalog.set_config(${quoted(name)}, ${quoted(value)}, true)`,
  );
  return `SELECT ${calls.join(', ')}`;
}

/** `-c name=value`, `-cname=value` and `--name=value`; a backslash takes the next character for what it is, as Postgres reads it. */
function parseOptions(options: string): SessionSetting[] {
  const words = (options.match(/(?:\\.|[^\\\s])+/gs) ?? []).map((word) => word.replace(/\\(.)/gs, '$1'));
  const settings: SessionSetting[] = [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index] === '-c' ? `-c${words[++index] ?? ''}` : (words[index] ?? '');
    const [, name, value] = /^(?:-c|--)([\w.-]+)=(.*)$/s.exec(word) ?? [];
    if (name === undefined || value === undefined) {
      throw new Error(`?options= of the database's URL has something that is no setting: ${word}`);
    }
    settings.push({ name: name.replaceAll('-', '_'), value });
  }
  return settings;
}
