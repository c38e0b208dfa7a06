import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { type CompleteMark, KafkaProtocolError } from '@order-events/messaging';
import { createLogger } from '@order-events/runtime';
import { eventually } from '../../../../test/harness/eventually.ts';
import { createFindingBoard } from '../health/finding-board.ts';
import { createCompleteTeller } from './complete-teller.ts';

const MARK: CompleteMark = { topicId: 'topic', partitionCount: 1, partition: 0, throughMs: 1, offset: 1n };
const failure = (code: number) => new KafkaProtocolError(code, 'marks', 'Write on the topic');

test('marks are told again and again; a topic that is missing is made, and what cannot be told is a notice until it can', async (t) => {
  const answers: (Error | undefined)[] = [failure(3), undefined, failure(29), failure(29)];
  const tell = mock.fn(async (marks: readonly CompleteMark[]) => {
    assert.deepEqual(marks, [MARK]);
    const failed = answers.shift();
    if (failed) throw failed;
  });
  const ensureTopic = mock.fn(async () => {});
  const board = createFindingBoard();
  const put = mock.method(board, 'put');
  const told = mock.fn();
  const teller = createCompleteTeller({
    ...{ marks: () => [MARK], publisher: { tell, close() {} }, ensureTopic, board, onTold: told },
    ...{ log: createLogger({ service: 'test', level: 'silent' }), intervalMs: 1 },
  });
  t.after(() => teller.stop());
  await teller.start(new AbortController().signal);
  await eventually(() => assert.ok(told.mock.callCount() >= 3));
  assert.equal(ensureTopic.mock.callCount(), 1);
  const found = put.mock.calls.flatMap(({ arguments: [, findings] }) => findings);
  assert.deepEqual(
    found.map(({ name, severity }) => [name, severity]),
    [
      ['complete-untold', 'notice'],
      ['complete-untold', 'notice'],
    ],
  );
  assert.match(found[0]?.text ?? '', /streams do not learn/);
  assert.deepEqual(board.list(), []);
});
