/** A version of an order as the table had it. Times are of the database, in milliseconds. */
export interface TableVersion {
  readonly orderId: string;
  readonly version: bigint;
  /** By the name of the contract. */
  readonly status: string;
  /** It was committed later than this. */
  readonly afterMs: number;
  /** It was committed by then; infinite where nobody knows. */
  readonly byMs: number;
}

export type ShownOrder = Pick<TableVersion, 'version' | 'status'>;

/** What a view showed at one moment. */
export interface ViewSample {
  /** By the clock of the database. */
  readonly atMs: number;
  /** Up to which time it said that it was complete. */
  readonly throughMs: number;
  readonly orders: ReadonlyMap<string, ShownOrder>;
}

/**
 * What is wrong with an order of a view. `unknown`: the table never had it so. `stale`: it was newer by the time through which the view
 * said to be complete. `early`: it was not there yet. `foreign`: it does not match. `missing`: it was there and matched all the time from then on.
 */
export type ViewFault = 'unknown' | 'stale' | 'early' | 'foreign' | 'missing';

export interface ViewViolation {
  readonly fault: ViewFault;
  readonly text: string;
}

type Versions = readonly TableVersion[];

/**
 * Holds samples of a view against the history of the table: each order must be as it was in the table at some instant between the time
 * through which the view said to be complete and the moment at which it was looked at.
 */
export function viewViolations(
  table: Iterable<TableVersion>,
  samples: Iterable<ViewSample>,
  matches: (status: string) => boolean,
): ViewViolation[] {
  const history = new Map<string, Versions>();
  for (const [orderId, versions] of Map.groupBy(table, (each) => each.orderId)) {
    history.set(
      orderId,
      versions.toSorted((a, b) => Number(a.version - b.version)),
    );
  }
  const found: ViewViolation[] = [];
  for (const sample of samples) {
    for (const orderId of new Set([...history.keys(), ...sample.orders.keys()])) {
      const versions = history.get(orderId) ?? [];
      const fault = faultOf(versions, sample, sample.orders.get(orderId), matches);
      if (fault) found.push({ fault, text: textOf(orderId, sample) });
    }
  }
  return found;
}

function faultOf(
  versions: Versions,
  { atMs, throughMs }: ViewSample,
  shown: ShownOrder | undefined,
  matches: (status: string) => boolean,
): ViewFault | undefined {
  // -1: there is no such order yet.
  const first = versions.findLastIndex(({ byMs }) => byMs <= throughMs);
  const last = versions.findLastIndex(({ afterMs }) => afterMs < atMs);
  if (!shown) {
    const isAway = (each: TableVersion) => !matches(each.status);
    return first === -1 || versions.slice(first, last + 1).some(isAway) ? undefined : 'missing';
  }
  const at = versions.findIndex(({ version }) => version === shown.version);
  if (versions[at]?.status !== shown.status) return 'unknown';
  if (at < first) return 'stale';
  if (at > last) return 'early';
  return matches(shown.status) ? undefined : 'foreign';
}

function textOf(orderId: string, { atMs, throughMs, orders }: ViewSample): string {
  const shown = orders.get(orderId);
  const what = shown ? `version ${shown.version}, ${shown.status}` : 'not there';
  return `order ${orderId}: ${what} at ${atMs}, complete through ${throughMs}`;
}
