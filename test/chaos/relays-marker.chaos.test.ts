import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import type { PublishableEvent } from '@order-events/domain';
import { createKafkaPublisher, type KafkaPublisher } from '@order-events/messaging';
import { type Fence, fencePartition } from '../../packages/messaging/src/publish/producer-fence.ts';
import { fenceWithoutSecondInit } from '../../packages/messaging/testing/mutants.ts';
import { createTestTopic } from '../harness/index.ts';
import { auditRecords, type ExpectedRecord, type RecordAudit } from '../harness/record-audit.ts';

const PARTITIONS = Array.from({ length: 12 }, (_, partition) => partition);
const SOUND_ROUNDS = 8;
const MUTANT_ROUNDS = 250;

interface Take {
  /** An owner writes without a pause while a successor takes its partitions; the successor completes what the owner began. */
  over(): Promise<RecordAudit>;
}

async function createTakeOvers(t: TestContext, fence: Fence): Promise<Take> {
  const { brokers, topic } = await createTestTopic(t, { partitions: PARTITIONS.length });
  const config = { brokers, topic, clientId: 'test', transactionalIdPrefix: topic };
  const owner = createKafkaPublisher(config);
  const successor = createKafkaPublisher({ ...config, fence });
  t.after(() => Promise.all([owner.close(), successor.close()]));
  const begun: ExpectedRecord[] = [];
  const versions = PARTITIONS.map(() => 0);
  const signal = AbortSignal.timeout(150_000);

  /** Until the broker refuses an event; answers with all, that one included. */
  async function writeUntilFenced(partition: number, onFirst: () => void): Promise<PublishableEvent[]> {
    const events: PublishableEvent[] = [];
    for (;;) {
      const event = createEvent(partition, (versions[partition]! += 1));
      events.push(event);
      begun.push({ id: event.eventId, key: event.key, version: versions[partition]! });
      const [outcome] = await owner.publish([event], signal);
      if (outcome?.kind !== 'published') return events;
      onFirst();
    }
  }

  async function takeOver(partition: number): Promise<void> {
    const { endOffset } = await owner.claim(partition, 0n, signal);
    const first = Promise.withResolvers<void>();
    const writing = writeUntilFenced(partition, first.resolve);
    await first.promise;
    const { publishedIds } = await successor.claim(partition, endOffset, signal);
    // A successor that does not know of an event publishes it, whatever becomes of the owner's attempt.
    await complete(
      successor,
      (await writing).filter(({ eventId }) => !publishedIds.has(eventId)),
    );
  }

  return {
    async over() {
      await Promise.all(PARTITIONS.map(takeOver));
      return auditRecords({ brokers, topic }, begun);
    },
  };

  async function complete(publisher: KafkaPublisher, events: readonly PublishableEvent[]): Promise<void> {
    if (events.length > 0) await publisher.publish(events, signal);
  }
}

function createEvent(partition: number, version: number): PublishableEvent {
  const eventId = randomUUID();
  return {
    eventId,
    key: String(partition),
    partition,
    value: JSON.stringify({ version }),
    headers: { ce_id: eventId },
  };
}

test('an owner that goes on writing is not heard any more once its successor has looked at the log', async (t) => {
  const take = await createTakeOvers(t, fencePartition);
  for (let round = 0; round < SOUND_ROUNDS; round += 1) {
    assert.deepEqual(await take.over(), {
      missing: 0,
      duplicated: 0,
      unexpected: 0,
      outOfOrder: 0,
      findings: [],
    });
  }
});

test('the same finds a fence out that does not wait for its marker', async (t) => {
  const take = await createTakeOvers(t, fenceWithoutSecondInit);
  for (let round = 1; round <= MUTANT_ROUNDS; round += 1) {
    const { duplicated } = await take.over();
    if (duplicated > 0) {
      t.diagnostic(`${duplicated} duplicates in round ${round}`);
      return;
    }
  }
  assert.fail('the mutant was not found out');
});
