import type { FigureColumn, FigureRow } from '../bench/figure-table.ts';
import type { RoundVerdict } from './judged-traffic.ts';

export const FAULT_COLUMNS: readonly FigureColumn[] = [
  { key: 'fault', label: 'fault' },
  { key: 'fired', label: 'it fired' },
  { key: 'events', label: 'events' },
  { key: 'lost', label: 'lost' },
  { key: 'doubled', label: 'doubled' },
  { key: 'outOfOrder', label: 'out of order' },
  { key: 'failedRequests', label: 'requests failed' },
  { key: 'givenAgain', label: 'given again' },
  { key: 'silence', label: 'longest silence, s', digits: 1 },
  { key: 'latest', label: 'latest event, s', digits: 1 },
  { key: 'recovery', label: 'recovered after, s', digits: 1 },
  { key: 'held', label: 'held' },
];

/** `faults`: what else was wrong. */
export function rowOf(
  fault: string,
  firedTimes: number,
  fired: string,
  verdict: RoundVerdict,
  faults: readonly string[] = [],
): FigureRow {
  const wrong = [...faults];
  if (firedTimes === 0) wrong.push('never fired');
  if (verdict.events === 0) wrong.push('no events');
  if (verdict.missing + verdict.duplicated + verdict.outOfOrder > 0) wrong.push('no');
  return {
    fault,
    fired,
    events: verdict.events,
    lost: verdict.missing,
    doubled: verdict.duplicated,
    outOfOrder: verdict.outOfOrder,
    failedRequests: verdict.failedRequests,
    givenAgain: verdict.givenAgain,
    silence: verdict.longestSilenceMs / 1000,
    latest: verdict.latestAfterMs / 1000,
    recovery: verdict.recoveredAfterMs / 1000,
    held: wrong.length === 0 ? 'yes' : wrong.join('; '),
  };
}
