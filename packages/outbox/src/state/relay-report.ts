import type { Finding, Severity } from '../health/delivery-health.ts';
import type { ForeignFindingName } from '../health/finding-names.ts';
import type { Queries } from '../queries.ts';

/** Older reports, and those of a clock that was ahead, are of relays that are gone. */
const VALID_SECONDS = 15;
const IS_VALID = `abs(extract(epoch FROM clock_timestamp() - reported_at)) < ${VALID_SECONDS}`;

/** Tells all who look what a relay has found; nothing found takes its report away. To be told again every few seconds. */
export async function writeRelayReport(
  queries: Queries,
  relay: string,
  findings: readonly Finding[],
): Promise<void> {
  await queries.query(
    `WITH gone AS (
       DELETE FROM relay_report WHERE relay IN (
         SELECT relay FROM relay_report WHERE relay = $1 AND $2::jsonb = '[]' OR relay <> $1 AND NOT ${IS_VALID}
         FOR UPDATE SKIP LOCKED))
     INSERT INTO relay_report (relay, findings) SELECT $1, $2::jsonb WHERE $2::jsonb <> '[]'
     ON CONFLICT (relay) DO UPDATE SET findings = excluded.findings, reported_at = excluded.reported_at`,
    [relay, JSON.stringify(findings)],
  );
}

/** What relays have found of late; `except` is left out. */
export async function readRelayReports(queries: Queries, except?: string): Promise<Finding[]> {
  const { rows } = await queries.query<{ findings: unknown }>(
    `SELECT findings FROM relay_report WHERE ${IS_VALID} AND relay IS DISTINCT FROM $1 ORDER BY relay`,
    [except ?? null],
  );
  return mergedFindings(
    rows.flatMap(({ findings }) => (Array.isArray(findings) ? findings.map(findingOf) : [])),
  );
}

/** The same finding about other partitions is one finding. */
export function mergedFindings(findings: readonly Finding[]): Finding[] {
  const groups = Map.groupBy(findings, ({ name, severity, text }) => JSON.stringify([name, severity, text]));
  return [...groups.values()].flatMap((same) => {
    const [first] = same;
    if (!first) return [];
    const { partitions: _own, ...rest } = first;
    if (same.some(({ partitions }) => partitions === undefined)) return [rest];
    const partitions = [...new Set(same.flatMap((one) => one.partitions ?? []))].sort((a, b) => a - b);
    return [{ ...rest, partitions }];
  });
}

/** A newer relay may tell what this version does not know. */
function findingOf(stored: Partial<Finding>): Finding {
  const { name = 'unknown' as ForeignFindingName, severity, text = '', partitions } = stored;
  const known: readonly Severity[] = ['halt', 'fault', 'notice'];
  return {
    name,
    severity: known.find((one) => one === severity) ?? 'fault',
    text,
    ...(Array.isArray(partitions) && { partitions: partitions.map(Number) }),
  };
}
