import assert from 'node:assert/strict';
import {
  createLogReader,
  EVENT_ID_HEADER,
  ledgerId,
  type LogRecord,
  REPLAY_ID_HEADER,
} from '@order-events/messaging';
import pg from 'pg';
import { eventually } from './eventually.ts';

/** A record that the topic must hold exactly once. */
export interface ExpectedRecord {
  /** As `ledgerId` names it: an event, or an event of a replay. */
  readonly id: string;
  readonly key: string;
  /** Grows within the key. */
  readonly version: number;
}

export interface RecordAudit {
  readonly missing: number;
  readonly duplicated: number;
  /** Records that nobody should have written: of events that were rolled back, or with another key or version. */
  readonly unexpected: number;
  /** Records behind a later version of their key; those of a replay have an order of their own. */
  readonly outOfOrder: number;
  /** The first few of all those. */
  readonly findings: readonly string[];
}

export interface AuditedSystem {
  readonly databaseUrl: string;
  readonly brokers: readonly string[];
  readonly topic: string;
}

const MAX_FINDINGS = 8;
const CLEAN: RecordAudit = { missing: 0, duplicated: 0, unexpected: 0, outOfOrder: 0, findings: [] };

/** Every event of the outbox, with the version that its payload tells. */
export async function committedRecords(databaseUrl: string): Promise<ExpectedRecord[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<ExpectedRecord>(
      `SELECT event_id::text AS id, key, (payload::json->>'version')::int AS version FROM outbox`,
    );
    return rows;
  } finally {
    await client.end();
  }
}

/** Reads the whole topic and compares it, record by record, with what it must hold. Values are JSON with a `version`. */
export async function auditRecords(
  { brokers, topic }: Pick<AuditedSystem, 'brokers' | 'topic'>,
  expected: readonly ExpectedRecord[],
): Promise<RecordAudit> {
  const wanted = new Map(expected.map((record) => [record.id, record]));
  const seen = new Set<string>();
  const newest = new Map<string, number>();
  const counts = { missing: 0, duplicated: 0, unexpected: 0, outOfOrder: 0 };
  const findings: string[] = [];
  const found = (fault: keyof typeof counts, what: string) => {
    counts[fault] += 1;
    if (findings.length < MAX_FINDINGS) findings.push(`${fault}: ${what}`);
  };
  await readTopic(brokers, topic, ({ id, replayId, key, version, place }) => {
    const record = wanted.get(id);
    const what = `${id} (${key}, version ${version}) at ${place}`;
    if (record?.key !== key || record.version !== version) found('unexpected', what);
    if (seen.has(id)) found('duplicated', what);
    seen.add(id);
    const line = `${key}/${replayId ?? ''}`;
    const last = newest.get(line) ?? 0;
    if (version < last) found('outOfOrder', `${what}, behind version ${last}`);
    newest.set(line, Math.max(last, version));
  });
  for (const { id, key, version } of expected) {
    if (!seen.has(id)) found('missing', `${id} (${key}, version ${version})`);
  }
  return { ...counts, findings };
}

/** Waits until the topic holds all that it must, and requires that it holds nothing else and each once, in order per key. */
export async function assertTopicRecords(
  system: Pick<AuditedSystem, 'brokers' | 'topic'>,
  expected: readonly ExpectedRecord[],
): Promise<void> {
  const audit = await eventually(
    async () => {
      const result = await auditRecords(system, expected);
      assert.equal(result.missing, 0, result.findings.join('\n'));
      return result;
    },
    { intervalMs: 500 },
  );
  assert.deepEqual(audit, CLEAN);
}

/** As `assertTopicRecords`, for all events of the outbox. Answers their number. */
export async function assertOutboxPublished(system: AuditedSystem): Promise<number> {
  const committed = await committedRecords(system.databaseUrl);
  await assertTopicRecords(system, committed);
  return committed.length;
}

interface AuditedRecord {
  readonly id: string;
  readonly replayId: string | undefined;
  readonly key: string;
  readonly version: number;
  /** Partition and offset. */
  readonly place: string;
}

async function readTopic(
  brokers: readonly string[],
  topic: string,
  onRecord: (record: AuditedRecord) => void,
): Promise<void> {
  const reader = createLogReader({ brokers, clientId: 'topic-audit', topic, isolation: 'uncommitted' });
  try {
    const signal = AbortSignal.timeout(60_000);
    const from = await reader.offsets('earliest', undefined, signal);
    const to = await reader.offsets('latest', undefined, signal);
    await reader.read(
      from,
      to,
      ({ records }) => {
        for (const record of records) onRecord(auditedRecord(record));
      },
      signal,
    );
  } finally {
    reader.close();
  }
}

function auditedRecord(record: LogRecord): AuditedRecord {
  const { version } = JSON.parse(String(record.value)) as { version: number };
  const replayId = record.headers[REPLAY_ID_HEADER]?.toString();
  return {
    id: ledgerId(String(record.headers[EVENT_ID_HEADER]), replayId),
    replayId,
    key: String(record.key),
    version,
    place: `${record.partition}@${record.offset}`,
  };
}
