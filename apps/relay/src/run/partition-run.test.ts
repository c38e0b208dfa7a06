import assert from 'node:assert/strict';
import { mock, type TestContext, test } from 'node:test';
import type { Cursor } from '@order-events/outbox';
import { createLogger } from '@order-events/runtime';
import { eventually } from '../../../../test/harness/eventually.ts';
import { pendingEvents } from '../../testing/pending-events.ts';
import { type AttendContext, createPartitionRun } from './partition-run.ts';
import type { AttendResult } from './partition-run-state.ts';
import type { PartitionWriter } from '../publish/partition-writer.ts';

const START: Cursor = { snapshot: '3:3:' };
const log = createLogger({ service: 'test', level: 'silent' });

/** A run whose writer answers as told and keeps what it was given. */
function setup(
  t: TestContext,
  options: {
    cursor?: Cursor;
    attend?: (context: AttendContext) => Promise<AttendResult>;
    truncated?: boolean;
  } = {},
) {
  const delivered: string[][] = [];
  const answers: (() => ReturnType<PartitionWriter['deliver']>)[] = [];
  const lost = new AbortController();
  const validity = new AbortController();
  const claim = mock.fn<PartitionWriter['claim']>(async () => ({
    partition: 0,
    endOffset: 0n,
    publishedIds: new Set<string>(),
    truncated: options.truncated ?? false,
    topicId: 'topic',
    startOffset: 0n,
    endBefore: 0n,
    readFrom: 0n,
    mark: { topicId: 'topic' },
  }));
  const forgetLedger = mock.fn();
  const heal = mock.fn(async () => {});
  const failedClaims = mock.fn();
  const attend = mock.fn<(context: AttendContext) => Promise<AttendResult>>(
    options.attend ?? (async () => 'done'),
  );
  const run = createPartitionRun({
    partition: 0,
    checkpoint: { cursor: options.cursor ?? START, logOffset: 0n },
    writer: {
      logOffset: () => BigInt(delivered.length),
      deliveredTo: () => BigInt(delivered.length),
      mark: () => ({ topicId: 'topic' }),
      isSettled: () => true,
      leaveOut() {},
      claim,
      async deliver(events) {
        const answer = answers.shift();
        const result = answer ? await answer() : 'published';
        if (result === 'published') delivered.push(events.map((event) => event.eventId));
        return result;
      },
      deliverApart: async () => ({ kind: 'published', published: 0 }),
      settle() {},
      forgetLedger,
    },
    attend,
    heal,
    lost: lost.signal,
    validity: () => validity.signal,
    onClaimed() {},
    onClaimFailed: failedClaims,
    onProgress() {},
    log,
  });
  t.after(() => lost.abort());
  /** Offers a page at the place where the run reads next. */
  async function offer(ids: string[], next: Cursor): Promise<void> {
    const readFrom = await eventually(() => {
      const from = run.readFrom();
      assert.ok(from);
      return from;
    });
    run.offer(readFrom, { events: pendingEvents(...ids), next });
  }
  return { run, delivered, answers, lost, claim, failedClaims, attend, forgetLedger, heal, offer };
}

test('the checkpoint moves when a page is published, not when it is read', async (t) => {
  const { run, answers, delivered, offer } = setup(t);
  const acknowledged = Promise.withResolvers<'published'>();
  answers.push(() => acknowledged.promise);
  await offer(['a'], { snapshot: 's1' });
  await offer(['b'], { snapshot: 's2' });
  assert.deepEqual(run.readFrom(), { snapshot: 's2' }, 'the next page is read meanwhile');
  assert.deepEqual(run.checkpoint().cursor, START);
  acknowledged.resolve('published');
  await eventually(() => assert.deepEqual(run.checkpoint().cursor, { snapshot: 's2' }));
  assert.deepEqual(delivered, [['a'], ['b']]);
});

test('a look that found nothing moves the checkpoint at once, but never past a page that waits', async (t) => {
  const { run, answers, offer } = setup(t);
  await eventually(() => assert.ok(run.readFrom()));
  await offer([], { snapshot: 's1' });
  await eventually(() => assert.deepEqual(run.checkpoint().cursor, { snapshot: 's1' }));
  const acknowledged = Promise.withResolvers<'published'>();
  answers.push(() => acknowledged.promise);
  await offer(['a'], { snapshot: 's2' });
  await offer([], { snapshot: 's3' });
  assert.deepEqual(run.checkpoint().cursor, { snapshot: 's1' });
  acknowledged.resolve('published');
  await eventually(() => assert.deepEqual(run.checkpoint().cursor, { snapshot: 's3' }));
});

test('a partition that cannot publish keeps its events, is not read for, and goes on with the same events', async (t) => {
  const { run, answers, delivered, offer } = setup(t);
  const second = Promise.withResolvers<'published'>();
  answers.push(
    async () => 'held',
    () => second.promise,
  );
  await offer(['a'], { snapshot: 's1' });
  await eventually(() => assert.equal(run.readFrom(), undefined));
  second.resolve('published');
  await eventually(() => assert.deepEqual(delivered, [['a']]));
  assert.ok(run.readFrom());
});

test('after an unknown outcome the partition is claimed anew and read again from its checkpoint', async (t) => {
  const { run, answers, claim, delivered, offer } = setup(t);
  answers.push(async () => 'unclaimed');
  await offer(['a'], { snapshot: 's1' });
  await eventually(() => assert.equal(claim.mock.callCount(), 2));
  await eventually(() => assert.deepEqual(run.readFrom(), START));
  await offer(['a'], { snapshot: 's1' });
  await eventually(() => assert.deepEqual(delivered, [['a']]));
});

test('what was read from elsewhere is left out', async (t) => {
  const { run, delivered, offer } = setup(t);
  await offer(['a'], { snapshot: 's1' });
  run.offer({ ...START }, { events: pendingEvents('stale'), next: { snapshot: 's9' } });
  await offer(['b'], { snapshot: 's2' });
  await eventually(() => assert.deepEqual(run.checkpoint().cursor, { snapshot: 's2' }));
  assert.deepEqual(delivered.flat(), ['a', 'b']);
});

test('the ledger is kept until a window is done whose target is newer than the claim', async (t) => {
  const page = { target: 'old', afterSeq: 0n, endSeq: 9n };
  const { run, forgetLedger, offer } = setup(t, { cursor: { snapshot: 's0', page } });
  await offer(['a'], { snapshot: 's0', page: { ...page, afterSeq: 5n } });
  await offer(['b'], { snapshot: 'old' });
  await eventually(() => assert.deepEqual(run.checkpoint().cursor, { snapshot: 'old' }));
  assert.equal(forgetLedger.mock.callCount(), 0);
  await offer([], { snapshot: 'new' });
  await eventually(() => assert.equal(forgetLedger.mock.callCount(), 1));
});

test('operators are attended to before the first page, and then in turn with pages', async (t) => {
  const order: string[] = [];
  const { run, answers, attend, offer } = setup(t, {
    async attend() {
      order.push('attend');
      return order.length < 4 ? 'more' : 'done';
    },
  });
  const note = async (): Promise<'published'> => {
    order.push('page');
    return 'published';
  };
  answers.push(note, note);
  const readFrom = await eventually(() => run.readFrom() ?? assert.fail('not claimed yet'));
  run.offer(readFrom, { events: pendingEvents('a'), next: { snapshot: 's1' } });
  await offer(['b'], { snapshot: 's2' });
  await eventually(() => assert.deepEqual(run.checkpoint().cursor, { snapshot: 's2' }));
  assert.equal(order[0], 'attend');
  assert.ok(attend.mock.callCount() >= 2);
});

test('nothing is published before operators could be attended to once', async (t) => {
  let away = true;
  const { delivered, attend, offer } = setup(t, {
    async attend() {
      if (away) throw new Error('the database is away');
      return 'done';
    },
  });
  await offer(['a'], { snapshot: 's1' });
  await eventually(() => assert.ok(attend.mock.callCount() >= 3));
  assert.deepEqual(delivered, []);
  away = false;
  await eventually(() => assert.deepEqual(delivered, [['a']]));
});

test('a drain lets the batch under way finish, drops what was read ahead, and ends', async (t) => {
  const { run, answers, delivered, offer } = setup(t);
  const acknowledged = Promise.withResolvers<'published'>();
  answers.push(() => acknowledged.promise);
  await offer(['a'], { snapshot: 's1' });
  await offer(['b'], { snapshot: 's2' });
  await eventually(() => assert.equal(answers.length, 0));
  const drained = run.drain('acknowledged');
  acknowledged.resolve('published');
  await drained;
  assert.deepEqual(delivered, [['a']]);
  assert.deepEqual(run.checkpoint().cursor, { snapshot: 's1' });
});

test('a drain during a claim gives the claim up: it would be for nobody', async (t) => {
  const { run, claim, failedClaims } = setup(t);
  claim.mock.mockImplementation(
    (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
  );
  await eventually(() => assert.equal(claim.mock.callCount(), 1));
  await run.drain('acknowledged');
  assert.deepEqual([claim.mock.callCount(), failedClaims.mock.callCount()], [1, 0]);
  assert.deepEqual(run.checkpoint().cursor, START);
});

test('a drain of the window works it off and begins no other', async (t) => {
  const page = { target: 't', afterSeq: 0n, endSeq: 9n };
  const { run, delivered, offer } = setup(t, { cursor: { snapshot: 's0', page } });
  await eventually(() => assert.ok(run.readFrom()));
  const drained = run.drain('window');
  await offer(['a'], { snapshot: 's0', page: { ...page, afterSeq: 5n } });
  await offer(['b'], { snapshot: 't' });
  assert.equal(run.readFrom(), undefined);
  await drained;
  assert.deepEqual(delivered.flat(), ['a', 'b']);
  assert.deepEqual(run.checkpoint().cursor, { snapshot: 't' });
});

test('a lost lease ends the run, and nothing moves any more', async (t) => {
  const { run, answers, lost, offer } = setup(t);
  const acknowledged = Promise.withResolvers<'published'>();
  answers.push(() => acknowledged.promise);
  await offer(['a'], { snapshot: 's1' });
  await eventually(() => assert.equal(answers.length, 0));
  lost.abort();
  acknowledged.resolve('published');
  await run.ended;
  assert.deepEqual(run.checkpoint().cursor, START);
  assert.equal(run.readFrom(), undefined);
});

test('a log that has lost its end is healed before anything is published, however often that fails, and the run ends', async (t) => {
  const { run, heal, failedClaims, delivered, attend } = setup(t, { truncated: true });
  heal.mock.mockImplementationOnce(() => Promise.reject(new Error('the database is away')));
  await run.ended;
  assert.equal(heal.mock.callCount(), 2);
  assert.equal(failedClaims.mock.callCount(), 1);
  assert.deepEqual([delivered, attend.mock.callCount(), run.readFrom()], [[], 0, undefined]);
});

test('former checkpoints are kept from the claim on, until events are published that the cursor covers', async (t) => {
  let publishesApart = false;
  const { run, offer } = setup(t, {
    attend: async ({ forgetFormer }) => {
      if (publishesApart) forgetFormer();
      return 'done';
    },
  });
  await offer(['a'], { snapshot: 's1' });
  await eventually(() => assert.deepEqual(run.checkpoint().cursor, { snapshot: 's1' }));
  const former = run.checkpoint().history ?? [];
  assert.deepEqual(
    former.map(({ cursor }) => cursor),
    [START],
  );
  publishesApart = true;
  run.requestAttention();
  await eventually(() =>
    assert.ok(run.checkpoint().history?.every(({ cursor }) => cursor !== former[0]?.cursor)),
  );
});
