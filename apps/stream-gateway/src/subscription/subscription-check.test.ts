import assert from 'node:assert/strict';
import test from 'node:test';
import type { LogRetention } from '@order-events/messaging';
import type { Logger } from '@order-events/runtime';
import { createSubscriptionCheck } from './subscription-check.ts';
import type { SubscriptionLag } from './subscription-lags.ts';

const DAY_MS = 86_400_000;

/** What is told of subscriptions in three looks. */
async function told(
  lags: readonly SubscriptionLag[],
  retention: LogRetention | undefined,
): Promise<string[]> {
  const lines: string[] = [];
  const looked = Promise.withResolvers<void>();
  let looks = 0;
  const check = createSubscriptionCheck({
    lags: {
      measure: async () => {
        looks += 1;
        if (looks > 3) looked.resolve();
        return [...lags];
      },
    },
    reader: { retention: async () => retention },
    intervalMs: 1,
    log: {
      warn: (fields: { subscription: string }, text: string) =>
        lines.push(`${fields.subscription}: ${/retention.bytes|time/.exec(text)?.[0]}`),
    } as unknown as Logger,
  });
  await check.start(new AbortController().signal);
  await looked.promise;
  await check.stop();
  return lines;
}

const lag = (name: string, ageMs: number, shareOfLog: number): SubscriptionLag => {
  return { name, unacknowledgedEvents: 1n, oldestLogTimeMs: Date.now() - ageMs, shareOfLog };
};
const LAGS = [lag('old', DAY_MS, 0.1), lag('large', 1_000, 0.6), lag('small', 1_000, 0.4)];

test('a subscription is told of once, by the bound that takes events from it', async () => {
  const forEver = Number.POSITIVE_INFINITY;
  assert.deepEqual(await told(LAGS, { ms: DAY_MS, bytes: forEver }), ['old: time']);
  assert.deepEqual(await told(LAGS, { ms: forEver, bytes: 1_000_000 }), ['large: retention.bytes']);
  assert.deepEqual(await told(LAGS, { ms: DAY_MS, bytes: 1_000_000 }), [
    'old: time',
    'large: retention.bytes',
  ]);
  assert.deepEqual(await told(LAGS, { ms: forEver, bytes: forEver }), []);
});
