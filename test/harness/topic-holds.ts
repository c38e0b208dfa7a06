import assert from 'node:assert/strict';
import { auditTopic } from '../../tools/load/topic-audit.ts';
import { committedChanges } from './committed-changes.ts';
import { eventually } from './eventually.ts';

/** Waits until the topic holds every committed event, and requires that it holds each once and in order. Answers their number. */
export async function assertTopicHoldsAll(system: {
  readonly databaseUrl: string;
  readonly brokers: readonly string[];
  readonly topic: string;
}): Promise<number> {
  const { databaseUrl, brokers, topic } = system;
  const committed = await committedChanges(databaseUrl);
  const audit = await eventually(
    async () => {
      const result = await auditTopic(brokers, topic, committed);
      assert.equal(result.missing, 0);
      return result;
    },
    { intervalMs: 250 },
  );
  assert.deepEqual(audit, { events: committed.length, missing: 0, duplicated: 0, outOfOrder: 0 });
  return committed.length;
}
