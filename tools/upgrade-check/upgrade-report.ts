import { textTable } from '../bench/text-table.ts';
import type { OrderWrites } from './order-writes.ts';
import type { StartedStream } from './release-clients.ts';
import type { PhaseFigures, Violation } from './upgrade-verdict.ts';

const COLUMNS = [
  { key: 'what', label: 'phase' },
  { key: 'api', label: 'API' },
  { key: 'relay', label: 'relay' },
  { key: 'gateway', label: 'gateway' },
  { key: 'kills', label: 'kills' },
  { key: 'seconds', label: 's' },
  { key: 'events', label: 'events' },
  { key: 'lost', label: 'lost' },
  { key: 'doubled', label: 'doubled' },
  { key: 'outOfOrder', label: 'out of order' },
  { key: 'silenceMs', label: 'longest silence, ms' },
  { key: 'watchedAfterMs', label: 'watched after, ms' },
  { key: 'consumedAfterMs', label: 'consumed after, ms' },
];

const SHOWN = 8;
const SUMMED = ['kills', 'seconds', 'events', 'lost', 'doubled', 'outOfOrder'] as const;
const LONGEST = ['silenceMs', 'watchedAfterMs', 'consumedAfterMs'] as const;

export function printFigures(figures: readonly PhaseFigures[]): void {
  const rows = figures.map(({ phase, ...row }) => ({
    what: phase.what,
    api: phase.releases.api,
    relay: phase.releases.relay,
    gateway: phase.releases['stream-gateway'],
    kills: phase.kills,
    ...row,
  }));
  const total = {
    what: 'all',
    ...{ api: '', relay: '', gateway: '' },
    ...Object.fromEntries(SUMMED.map((key) => [key, rows.reduce((sum, row) => sum + row[key], 0)])),
    ...Object.fromEntries(LONGEST.map((key) => [key, Math.max(...rows.map((row) => row[key]))])),
  };
  const notes = [
    'silence: of a watcher of everything; after: from the answer of the API until the last of them had it',
  ];
  console.log(
    textTable({ title: 'From old to new and back', columns: COLUMNS, rows: [...rows, total], notes }),
  );
}

/** Who gave and who took: streams that went on elsewhere, by client, and requests that were sent again with their key. */
export function printWays(
  streams: readonly StartedStream[],
  { repeated, refused }: Pick<OrderWrites, 'repeated' | 'refused'>,
): void {
  const rows = ['old → old', 'old → new', 'new → new', 'new → old'].map((way) => {
    const count = (kind: StartedStream['kind'], client: StartedStream['client']) =>
      streams.filter((stream) => stream.way === way && stream.kind === kind && stream.client === client)
        .length;
    return {
      way,
      watchOld: count('watch', 'old'),
      watchNew: count('watch', 'new'),
      consumeOld: count('consume', 'old'),
      consumeNew: count('consume', 'new'),
      repeated: repeated.get(way) ?? 0,
    };
  });
  const notes = [
    `new → old: ${refused()} requests were refused with idempotency_key_reused (docs/upgrading.md)`,
  ];
  const columns = [
    { key: 'way', label: 'given by → taken by' },
    { key: 'watchOld', label: 'tokens, old client' },
    { key: 'watchNew', label: 'tokens, new client' },
    { key: 'consumeOld', label: 'shares, old client' },
    { key: 'consumeNew', label: 'shares, new client' },
    { key: 'repeated', label: 'requests with the same key' },
  ];
  console.log(textTable({ title: 'Across releases', columns, rows, notes }));
}

/** How many there are of each kind, and the first of each. */
export function printViolations(violations: readonly Violation[]): void {
  for (const [of, each] of Map.groupBy(violations, (violation) => violation.of)) {
    console.log(`  ${of}: ${each.length}`);
    for (const { text } of each.slice(0, SHOWN)) console.log(`    ${text}`);
  }
  console.log(violations.length === 0 ? '\nEvery promise held.' : `\n${violations.length} promises broken.`);
}
