import assert from 'node:assert/strict';
import test from 'node:test';
import { WatchOrdersResponse } from '@order-events/order-stream';
import type { WatchMessage } from '../watch/watch-message.ts';
import { encodeWatchResponse } from './watch-response.ts';

const heartbeat = (resumeToken: string, backlogEvents: bigint): WatchMessage => ({
  events: [],
  resumeToken,
  signal: { kind: 'heartbeat', backlogEvents },
});

test('heartbeats of the same moment are encoded once for all that stand at one place, and not for others', (t) => {
  t.mock.method(performance, 'now', () => 1_000);
  const first = encodeWatchResponse(heartbeat('here', 0n));
  assert.equal(encodeWatchResponse(heartbeat('here', 0n)), first);
  for (const [token, backlog] of [
    ['there', 0n],
    ['here', 7n],
  ] as const) {
    const { resumeToken, signal } = WatchOrdersResponse.decode(
      encodeWatchResponse(heartbeat(token, backlog)),
    );
    assert.equal(resumeToken, token);
    assert.ok(signal?.$case === 'heartbeat' && signal.value.backlogEvents === backlog);
  }
});

test('a heartbeat of a later moment is another one', (t) => {
  let nowMs = 2_000;
  t.mock.method(performance, 'now', () => nowMs);
  const first = encodeWatchResponse(heartbeat('here', 0n));
  nowMs += 11;
  assert.notEqual(encodeWatchResponse(heartbeat('here', 0n)), first);
});
