/**
 * What a client has seen by then: a snapshot of Postgres (`xmin:xmax:xip,…`), which lists the transactions that had not ended, and the run
 * of the database in which it means something. No clock is part of it, so that what commits late is behind it nevertheless.
 */
export interface Moment {
  readonly run: string;
  readonly snapshot: string;
}

/** So many transactions in progress are listed, or tokens would grow longer than a URL may be. */
const MAX_IN_PROGRESS = 200;

/**
 * The snapshot in few characters: distances in base 36. With more in progress than are listed it becomes an earlier one, that has not seen
 * what began after the last of them: what has changed since is told once more then, and nothing is left out.
 */
export function shortSnapshot(snapshot: string): string {
  const [xmin = '', xmax = '', list = ''] = snapshot.split(':');
  const inProgress = list === '' ? [] : list.split(',');
  const end = inProgress[MAX_IN_PROGRESS] ?? xmax;
  let before = 0n;
  const distances = [xmin, ...inProgress.slice(0, MAX_IN_PROGRESS), end].map((text) => {
    const distance = BigInt(text) - before;
    before = BigInt(text);
    return distance.toString(36);
  });
  return distances.join('.');
}

/** The other way. Only for what `shortSnapshot` has made. */
export function snapshotOf(short: string): string {
  let before = 0n;
  const ids = short.split('.').map((distance) => {
    before += digitsOf(distance);
    return before;
  });
  return `${ids[0]}:${ids.at(-1)}:${ids.slice(1, -1).join(',')}`;
}

function digitsOf(base36: string): bigint {
  return base36.split('').reduce((value, digit) => value * 36n + BigInt(Number.parseInt(digit, 36)), 0n);
}
