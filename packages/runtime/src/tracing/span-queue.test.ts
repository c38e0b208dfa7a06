import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import { createSpanQueue } from './span-queue.ts';

type Answer = Parameters<SpanExporter['export']>[1];

/** The queue looks into no span. */
const SPAN = {} as ReadableSpan;

function setUp(maxWaiting: number) {
  const batches: { spans: number; answer: Answer }[] = [];
  const lost: string[] = [];
  let isShutDown = false;
  const queue = createSpanQueue({
    exporter: {
      export: ({ length: spans }, answer) => void batches.push({ spans, answer }),
      shutdown: async () => void (isShutDown = true),
    },
    maxWaiting,
    intervalMs: 3_600_000,
    onLost: (count, why) => lost.push(`${count} ${why}`),
  });
  const end = (count: number) => {
    for (let made = 0; made < count; made++) queue.onEnd(SPAN);
  };
  return { queue, batches, lost, end, isShutDown: () => isShutDown };
}

const turn = () => new Promise(setImmediate);

test('a full batch is sent at once, one at a time, and what comes meanwhile waits within the bound', async () => {
  const { queue, batches, lost, end, isShutDown } = setUp(1_000);
  end(511);
  await turn();
  assert.equal(batches.length, 0);
  end(1);
  assert.deepEqual(
    batches.map(({ spans }) => spans),
    [512],
  );
  end(1_001);
  assert.deepEqual([batches.length, lost], [1, ['1 queue_full']]);
  const stopped = queue.shutdown();
  end(1);
  assert.deepEqual(lost, ['1 queue_full', '1 stopped']);
  for (let answered = 0; answered < 3; answered++) {
    assert.equal(batches.length, answered + 1);
    assert.equal(isShutDown(), false);
    batches[answered]!.answer(answered === 1 ? { code: 1, error: new Error('away') } : { code: 0 });
    await turn();
  }
  await stopped;
  assert.deepEqual(
    batches.map(({ spans }) => spans),
    [512, 512, 488],
  );
  assert.deepEqual(lost, ['1 queue_full', '1 stopped', '512 not_taken']);
  assert.equal(isShutDown(), true);
});
