import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KafkaProtocolError, LedgerUnreadableError, UnreadableBatchError } from '@order-events/messaging';
import { isReady, observedFindings } from '@order-events/outbox';
import { observationOf, partitionOf } from '../../testing/observations.ts';
import { BatchFault } from '../../../../packages/messaging/src/wire/unreadable-batch.ts';
import { appendFindings } from './append-findings.ts';
import { createClaimTrouble } from './claim-trouble.ts';
import { createFindingBoard } from './finding-board.ts';

const LEADER_NOT_AVAILABLE = 5;
const TOPIC_AUTHORIZATION_FAILED = 29;

test('a partition without a leader is named once it lasts, with its reason', () => {
  const error = new KafkaProtocolError(LEADER_NOT_AVAILABLE, 'partition 3');
  assert.deepEqual(appendFindings(error, 3, 1_000), []);
  const [finding] = appendFindings(error, 3, 20_000);
  assert.equal(finding?.name, 'append-failing');
  assert.match(finding.text, /LEADER_NOT_AVAILABLE/);
  const waiting = partitionOf({ partition: 3, pendingEvents: 1, oldestPendingAgeSeconds: 90 });
  const waits = observedFindings(observationOf({ partitions: [waiting] }), {
    leaseMs: 10_000,
    maxWaitSeconds: 60,
    found: [finding],
  }).find(({ name }) => name === 'waits');
  assert.match(waits?.text ?? '', /append-failing/);
});

test('a right that is missing is named at once', () => {
  const [finding] = appendFindings(new KafkaProtocolError(TOPIC_AUTHORIZATION_FAILED, 'x'), 3, 0);
  assert.equal(finding?.name, 'append-refused');
});

test('a ledger that cannot be read is named with its place and what mends it, and the relay stays ready', () => {
  const board = createFindingBoard();
  const lost = new AbortController();
  const trouble = createClaimTrouble({ partition: 3, lost: lost.signal, board, warn: () => {} });
  const range = { offset: 5n, nextOffset: 6n };
  const batch = new UnreadableBatchError(3, range, new BatchFault('checksum', 'its checksum is wrong'));
  trouble.failed(new LedgerUnreadableError(batch));
  const [finding] = board.list();
  assert.deepEqual([finding?.name, finding?.partitions], ['ledger-unreadable', [3]]);
  assert.match(finding?.text ?? '', /partition 3 cannot be read from offset 5 up to 6.*outboxctl rebase/);
  assert.ok(isReady(board.list()));
  trouble.claimed();
  assert.deepEqual(board.list(), []);
});
