import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createRejectionJudge } from '../../tools/soak-rejections/rejection-judge.ts';
import { startRejectionSoak } from '../../tools/soak-rejections/rejection-soak.ts';
import type { SoakLog } from '../../tools/soak-rejections/soak-log.ts';
import type { RejectionStep } from '../../tools/soak-rejections/rejection-step.ts';
import { createTestTopic } from '../harness/index.ts';
import { chooseSeed } from '../harness/seeded-random.ts';

/** More by hand: make soak-rejections. */
const EVENTS = 6_000;
const GATEWAYS = 3;
const KILLS = 3;

test('three gateways killed in turn while 1 % of the events are rejected: nothing is lost, overtaken or told twice', async (t) => {
  const { brokers, topic } = await createTestTopic(t);
  const seed = chooseSeed(process.env['CHAOS_SEED']);
  const steps: RejectionStep[] = [];
  const soak = await startRejectionSoak({
    ...{ brokers, topic, partitions: 12, orders: 300, gateways: GATEWAYS, consumers: 4, seed },
    workMs: () => Math.random() * 4,
    onStep: (step) => steps.push(step),
  });
  t.after(() => soak.stop());
  soak.rejectShare(0.01);
  const signal = AbortSignal.timeout(300_000);
  const producing = soak.producer.produce(EVENTS, 500, signal);
  for (let kill = 0; kill < KILLS; kill += 1) {
    await pause(3_000);
    await soak.gateways.kill(kill % GATEWAYS);
  }
  await producing;
  await soak.settle(signal);
  const { judge, log } = soak;
  t.diagnostic(
    `seed ${seed}: ${judge.handledCount()} events, ${judge.heldCount()} held, ${judge.setAsideCount()} set aside, ` +
      `${soak.operator.requeuedCount()} requeued, ${judge.repeatedCount()} came again, ${soak.interruptions()} streams lost`,
  );
  assert.deepEqual(judge.violations(true), []);
  assert.ok(
    judge.heldCount() > 0 && judge.setAsideCount() > 0,
    'something was held, and something set aside',
  );
  assertTamperingShows(log, steps);
});

/** The judge finds in the very record that it has just found nothing wrong with what is done to it. */
function assertTamperingShows(log: SoakLog, steps: readonly RejectionStep[]): void {
  const broken = (tampered: readonly RejectionStep[]) => {
    const judge = createRejectionJudge(log);
    for (const step of tampered) judge.take(step);
    return new Set(judge.violations(true).map(({ promise }) => promise));
  };
  const last = log.before.findLastIndex((before) => before !== -1);
  const before = log.before[last] ?? assert.fail('no order has two events');
  const stored = steps.findLast(({ kind }) => kind === 'stored') ?? assert.fail('nothing was stored');
  const swapped = new Map([
    [last, before],
    [before, last],
  ]);
  const swap = (step: RejectionStep) =>
    'event' in step ? { ...step, event: swapped.get(step.event) ?? step.event } : step;
  assert.ok(
    broken(steps.filter((step) => !('event' in step) || step.event !== last)).has('handled'),
    'removed',
  );
  assert.ok(broken(steps.map(swap)).has('ordered'), 'swapped');
  assert.ok(broken([...steps, { ...stored, kind: 'delivered' } as RejectionStep]).has('settled'), 'doubled');
}
