import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LoggedEvent } from '../../test/watch-validation/topic-log.ts';
import { type ReleaseClients, versionKey } from './release-clients.ts';
import type { Phase } from './upgrade-run.ts';
import { figuresOf, topicFaults } from './upgrade-verdict.ts';

const releases = { api: 'old', relay: 'old', 'stream-gateway': 'old' };
const phase = (what: string, fromMs: number): Phase => ({ what, releases, fromMs, kills: 0 });

/** The topic has these versions of orders, in this order. */
const logOf = (...keys: string[]) => {
  const events = keys.map((key) => {
    const [orderId = '', version = '0'] = key.split('/');
    // Of an event nothing else is looked at here.
    return { orderId, orderVersion: BigInt(version) } as LoggedEvent;
  });
  return { partitions: [events], ends: [BigInt(events.length)] };
};

const sets = (keys: ReturnType<typeof topicFaults>) => ({
  doubled: [...keys.doubled],
  outOfOrder: [...keys.outOfOrder],
});

test('a topic in order has each version of an order once, after the one before', () => {
  assert.deepEqual(sets(topicFaults(logOf('a/1', 'b/1', 'a/2', 'b/2'))), { doubled: [], outOfOrder: [] });
  assert.deepEqual(sets(topicFaults(logOf('a/1', 'a/2', 'a/1'))), { doubled: ['a/1'], outOfOrder: [] });
  assert.deepEqual(sets(topicFaults(logOf('a/2', 'a/1'))), { doubled: [], outOfOrder: ['a/2', 'a/1'] });
});

test('what was accepted in a phase is lost when the topic or somebody who must see it has not got it', () => {
  const times = (seen: Record<string, number>) => ({ name: 'w', seenAtMs: new Map(Object.entries(seen)) });
  const clients = {
    watchers: [times({ 'a/1': 10, 'a/2': 60, 'b/1': 140, 'c/1': 150 })],
    consumers: times({ 'a/1': 12, 'a/2': 90, 'c/1': 160 }),
  } as unknown as ReleaseClients;
  const writes = [
    ['a', 1, 5],
    ['a', 2, 55],
    ['b', 1, 105],
    ['c', 1, 110],
  ] as const;
  const [first, second] = figuresOf({
    phases: [phase('first', 0), phase('second', 100)],
    endedMs: 200,
    accepted: writes.map(([orderId, version, atMs]) => ({ orderId, version, atMs, pid: 1 })),
    clients,
    log: logOf('a/1', 'a/2', 'b/1', versionKey('a', 2)),
  });
  assert.ok(first && second);
  const { events, lost, doubled, silenceMs, watchedAfterMs, consumedAfterMs } = first;
  assert.deepEqual([events, lost, doubled, silenceMs, watchedAfterMs, consumedAfterMs], [2, 0, 1, 50, 5, 35]);
  // b was not consumed, and c is not in the topic.
  assert.deepEqual([second.events, second.lost, second.silenceMs], [2, 2, 80]);
  assert.equal(second.consumedAfterMs, Infinity);
});
