import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { FINDING_NAMES } from '@order-events/outbox';
import { eventually } from '../harness/index.ts';
import type { Fault, Row } from './fault.ts';
import { ELSEWHERE, FAULTS } from './fault-table.ts';
import { createFaultWorld, type FaultWorld, type RunningRelay, type Told } from './fault-world.ts';

test('whatever can be found is brought about here, or in a test that is named', async () => {
  const here = new Set(FAULTS.flatMap(({ rows }) => rows.map(({ finding }) => finding)));
  for (const name of FINDING_NAMES) {
    const file = ELSEWHERE[name];
    assert.notEqual(here.has(name), file !== undefined, `${name} has to be here or elsewhere`);
    if (file !== undefined) assert.ok((await readFile(file, 'utf8')).includes(name), `${name}: ${file}`);
  }
});

function assertTold(told: Told, rows: readonly Row[]): void {
  for (const { finding, severity, says } of rows) {
    assert.equal(
      told.severities.get(finding),
      severity,
      `${finding}: ${JSON.stringify([...told.severities])}`,
    );
    assert.match(told.text, says, finding);
  }
  const isHealthy = [...told.severities.values()].every((severity) => severity === 'notice');
  assert.equal(told.healthy, isHealthy && told.severities.size > 0);
}

const toldBy = (who: 'relay' | 'outboxctl', { rows }: Fault) =>
  rows.filter(({ by }) => by === undefined || by === who);

async function assertRelayTells(relay: RunningRelay, fault: Fault): Promise<void> {
  const rows = toldBy('relay', fault);
  assertTold(await relay.told(), rows);
  const isHalted = rows.some(({ severity }) => severity === 'halt');
  if (fault.unread === undefined) assert.equal(await relay.isReady(), !isHalted);
  if (fault.pendingEvents !== undefined) {
    assert.equal(await relay.metric('outbox_pending_events'), fault.pendingEvents);
  }
}

async function assertOutboxctlTells(world: FaultWorld, fault: Fault): Promise<void> {
  const told = await world.outboxctl();
  if (fault.unread !== undefined) {
    assert.equal(told.healthy, false);
    assert.match(told.text, fault.unread);
    return;
  }
  assertTold(told, toldBy('outboxctl', fault));
  if (fault.pendingEvents !== undefined) assert.equal(told.json.pending_events, fault.pendingEvents);
}

/** Measurements and reports come every two seconds. */
const PATIENCE = { intervalMs: 250 };

/** All at once they would keep each other from starting: each is a relay of its own. */
const AT_ONCE = 8;

describe('a fault is told by the relay and by outboxctl alike', { concurrency: AT_ONCE }, () => {
  for (const fault of FAULTS) {
    test(fault.what, async (t) => {
      const { partitions = 2 } = fault;
      const world = await createFaultWorld(t, partitions, fault.topic ?? {});
      await fault.before?.(world);
      const relay = await world.startRelay();
      if (fault.whileRunning) {
        // More, where a busy machine has cost it a lease.
        await eventually(
          async () =>
            assert.ok((await relay.metric('outbox_relay_claims_total')) >= (fault.claims ?? partitions)),
          PATIENCE,
        );
        await fault.whileRunning(world);
      }
      await eventually(async () => {
        await fault.again?.(world);
        await assertRelayTells(relay, fault);
      }, PATIENCE);
      await eventually(() => assertOutboxctlTells(world, fault), PATIENCE);
    });
  }
});
