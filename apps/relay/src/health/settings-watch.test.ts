import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import type { SettingFinding } from '@order-events/messaging';
import { createLogger } from '@order-events/runtime';
import { createFindingBoard } from './finding-board.ts';
import { createSettingsWatch } from './settings-watch.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const { signal } = new AbortController();
const COMPACTED: SettingFinding = { name: 'topic-compacted', severity: 'halt', text: 'compacted' };
const UNCLEAN: SettingFinding = {
  name: 'unclean-election',
  severity: 'notice',
  text: 'unclean',
  partitions: [],
};

test('settings are looked at again every minute, and at once when what halted may be mended', async (t) => {
  let settings: readonly SettingFinding[] | Error = [UNCLEAN];
  const review = mock.fn(async () => {
    if (settings instanceof Error) throw settings;
    return settings;
  });
  const board = createFindingBoard();
  const haltReason = createSettingsWatch({ review, board, log });
  let nowMs = 0;
  const clock = mock.method(performance, 'now', () => nowMs);
  t.after(() => clock.mock.restore());

  assert.equal(await haltReason(signal), undefined);
  assert.deepEqual(board.list(), [UNCLEAN]);
  settings = [COMPACTED];
  nowMs = 59_000;
  assert.equal(await haltReason(signal), undefined);
  assert.equal(review.mock.callCount(), 1);
  nowMs = 60_000;
  assert.equal(await haltReason(signal), 'compacted');
  assert.deepEqual(board.list(), [], 'the gate tells what halts');

  settings = new Error('away');
  assert.equal(await haltReason(signal), 'compacted', 'what is not known to be mended is not');
  settings = [];
  assert.equal(await haltReason(signal), undefined);
});
