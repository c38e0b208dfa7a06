import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { createTestTopic, eventually } from '../../../../test/harness/index.ts';
import { testName } from '../../../../test/harness/test-name.ts';
import { recordMember } from '../../testing/recorded-member.ts';
import { createConsumerGroups } from './consumer-groups.ts';
import { GroupHasMembersError, GroupNotFoundError } from './group-error.ts';

/** Groups of a topic of the test's own, and a group id that no other test has. */
async function setUp(t: TestContext, partitions = 3) {
  const { connection, topic } = await createTestTopic(t, { partitions });
  const groups = createConsumerGroups({ ...connection, clientId: 'test', topic });
  t.after(() => groups.close());
  return { groups, offsets: groups.offsets, groupId: testName(t) };
}

test('a group that nobody has joined keeps offsets and their metadata; the last commit counts', async (t) => {
  const { offsets, groupId } = await setUp(t);
  assert.deepEqual(await offsets.fetch(groupId), new Map());
  assert.equal(await offsets.describe(groupId), undefined);

  const farOffset = 2n ** 60n;
  await offsets.commit(
    groupId,
    new Map([
      [0, 7n],
      [2, farOffset],
    ]),
    'first',
  );
  await offsets.commit(groupId, new Map([[0, 5n]]), 'second');

  assert.deepEqual(
    await offsets.fetch(groupId),
    new Map([
      [0, { offset: 5n, metadata: 'second' }],
      [2, { offset: farOffset, metadata: 'first' }],
    ]),
  );
  assert.deepEqual(await offsets.describe(groupId), { state: 'Empty', members: 0, foreignClients: [] });
  assert.ok((await offsets.list()).includes(groupId));
});

test('a deleted group is gone with its offsets, and cannot be deleted again', async (t) => {
  const { offsets, groupId } = await setUp(t);
  await offsets.commit(groupId, new Map([[1, 3n]]), '');

  await offsets.delete(groupId);

  assert.deepEqual(await offsets.fetch(groupId), new Map());
  assert.equal(await offsets.describe(groupId), undefined);
  assert.ok(!(await offsets.list()).includes(groupId));
  await assert.rejects(offsets.delete(groupId), GroupNotFoundError);
});

test('what a group has committed for another topic is neither told nor deleted', async (t) => {
  const { offsets, groupId } = await setUp(t);
  const other = (await setUp(t)).offsets;
  await other.commit(groupId, new Map([[0, 5n]]), 'other');
  assert.deepEqual(await offsets.fetch(groupId), new Map());
  await assert.rejects(offsets.delete(groupId), GroupNotFoundError);
  await offsets.commit(
    groupId,
    new Map([
      [0, 7n],
      [2, 8n],
    ]),
    'mine',
  );

  await offsets.delete(groupId);

  assert.deepEqual(await offsets.fetch(groupId), new Map());
  assert.deepEqual(await other.fetch(groupId), new Map([[0, { offset: 5n, metadata: 'other' }]]));
  await other.delete(groupId);
  assert.equal(await other.describe(groupId), undefined);
});

test('offsets of a topic whose members are in the group are not deleted, those of another topic are', async (t) => {
  const { groups, offsets, groupId } = await setUp(t);
  const other = (await setUp(t)).offsets;
  for (const each of [offsets, other]) await each.commit(groupId, new Map([[0, 1n]]), '');
  const member = recordMember(t, groups, { groupId });
  await member.hasPartitions(3);
  await assert.rejects(offsets.delete(groupId), GroupHasMembersError);
  await other.delete(groupId);
  assert.deepEqual([(await offsets.fetch(groupId)).size, (await other.fetch(groupId)).size], [1, 0]);
});

test('while a group has members nobody else commits, and it cannot be deleted', async (t) => {
  const { groups, offsets, groupId } = await setUp(t);
  const member = recordMember(t, groups, { groupId });
  await member.hasPartitions(3);

  assert.deepEqual(await offsets.describe(groupId), { state: 'Stable', members: 1, foreignClients: [] });
  await assert.rejects(offsets.commit(groupId, new Map([[0, 1n]]), ''), GroupHasMembersError);
  await assert.rejects(offsets.delete(groupId), GroupHasMembersError);

  await member.stop();
  await eventually(async () =>
    assert.deepEqual(await offsets.describe(groupId), { state: 'Empty', members: 0, foreignClients: [] }),
  );
  await offsets.commit(groupId, new Map([[0, 1n]]), '');
});

test('a call that is aborted ends at once and leaves nothing on the signal', async (t) => {
  const { offsets, groupId } = await setUp(t);
  await assert.rejects(offsets.fetch(groupId, AbortSignal.abort(new Error('no interest'))), /no interest/);
  const { signal } = new AbortController();
  let listeners = 0;
  signal.addEventListener = new Proxy(signal.addEventListener, {
    apply: (add, self, args) => [(listeners += 1), Reflect.apply(add, self, args)][1],
  });
  signal.removeEventListener = new Proxy(signal.removeEventListener, {
    apply: (remove, self, args) => [(listeners -= 1), Reflect.apply(remove, self, args)][1],
  });
  await offsets.fetch(groupId, signal);
  assert.equal(listeners, 0);
});
