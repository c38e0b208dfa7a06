import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WatchOrdersResponse } from '@order-events/order-stream';
import { createHeldLog } from './held-log.ts';

const HOUR_MS = 3_600_000;
const WEEK_MS = 7 * 24 * HOUR_MS;
const AT_MS = 1_700_000_000_000;

/** What is read of a record that was written by a clock that is an hour ahead. */
function stateOf(fields: object, timestampMs: number) {
  const encoded = WatchOrdersResponse.encode(WatchOrdersResponse.fromPartial({ events: [{ eventId: 'e' }] }));
  const value = {
    ...{ version: 1, attempts: 1, forgiven_attempts: 0, reason: 'no', set_aside: false },
    not_before: AT_MS + HOUR_MS + 50,
    event: Buffer.from(encoded.finish()).toString('base64'),
    ...fields,
  };
  const log = createHeldLog('s');
  const place = { partition: 0, offset: 0n, timestampMs };
  log.take({ key: Buffer.from('s/e'), value: Buffer.from(JSON.stringify(value)), ...place });
  return log.stored().records[0]?.state;
}

test('a record says for how long its event was to wait', () => {
  assert.equal(stateOf({ delay_ms: 50 }, AT_MS)?.delayMs, 50);
});

test('of a record from before this was stored it is known by the same clock, or to be a week at most', () => {
  assert.equal(stateOf({}, AT_MS + HOUR_MS)?.delayMs, 50);
  assert.equal(stateOf({}, AT_MS + 2 * HOUR_MS)?.delayMs, 0);
  assert.equal(stateOf({}, -1)?.delayMs, WEEK_MS);
});
