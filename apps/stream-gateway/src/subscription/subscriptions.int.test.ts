import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { type ConsumerGroups, createConsumerGroups } from '@order-events/messaging';
import { createOrderStreamClient, type StartPosition } from '@order-events/order-stream';
import { type CallOptions, Status } from 'nice-grpc-common';
import { eventually } from '../../../../test/harness/index.ts';
import { testName } from '../../../../test/harness/test-name.ts';
import { startGateway } from '../../testing/gateway-app.ts';
import { orderEvent } from '../../testing/order-events.ts';
import { failureOf, seek } from '../../testing/subscription-calls.ts';
import { olderGroupId, subscriptionGroupId } from './subscription-name.ts';
import { decodeResumeToken, encodeResumeToken } from '../position/resume-token.ts';

const FILTER = 'f1:filter';
const PARTITIONS = 12;
const SILENT = {
  onAssigned() {},
  onRevoked() {},
  onAvailable() {},
  onUnavailable() {},
  onForeignMembers() {},
};
const at = (...position: bigint[]) => new Map(position.entries());
const zeros = Array.from({ length: PARTITIONS }, () => 0n);

/** A gateway whose topic has some events, a client, and the consumer groups as its replicas see them. */
async function setUp(t: TestContext) {
  const gateway = await startGateway(t);
  const { brokers, topic, app } = gateway;
  const groups = createConsumerGroups({ brokers, topic, clientId: 'test' });
  t.after(() => groups.close());
  const { client, close } = createOrderStreamClient(app.urls.grpc);
  t.after(close);
  // So many that no partition stays empty.
  await gateway.produce(...Array.from({ length: 300 }, () => orderEvent()));
  await eventually(() => client.getReplayRange({}));
  const range = await client.getReplayRange({});
  const ends = offsetsOf(range.latestToken);
  const name = testName(t).slice(0, 60).replaceAll('_', '-');
  return { ...gateway, client, groups, name, groupId: subscriptionGroupId(topic, name), ends, range };
}

function offsetsOf(token: string): readonly bigint[] {
  const point = decodeResumeToken(token);
  assert.ok(point.kind === 'offsets');
  return point.next;
}

/** A member of the group that only is there. */
async function join(t: TestContext, groups: ConsumerGroups, groupId: string) {
  const assigned = Promise.withResolvers<void>();
  const member = groups.member({
    groupId,
    clientId: 'member',
    events: { ...SILENT, onAssigned: () => assigned.resolve() },
  });
  t.after(() => member.stop());
  member.start();
  await assigned.promise;
  return member;
}

test('a subscription tells its position, what lies after it, and how many streams it has', async (t) => {
  const { client, groups, name, groupId, ends } = await setUp(t);
  // Nothing is committed for most partitions: they stand at the oldest record.
  await groups.offsets.commit(groupId, at(ends[0]!, 1n), FILTER);
  const { subscription } = await client.getSubscription({ name });
  assert.deepEqual(offsetsOf(subscription!.committedToken), [ends[0]!, 1n, ...zeros.slice(2)]);
  const behind = ends.slice(1).reduce((sum, end) => sum + end, -1n);
  assert.equal(subscription!.name, name);
  assert.equal(subscription!.backlogEvents, behind);
  assert.equal(subscription!.members, 0);

  await join(t, groups, groupId);
  assert.equal((await client.getSubscription({ name })).subscription?.members, 1);
});

test('a position beyond the end of a truncated log has nothing after it', async (t) => {
  const { client, groups, name, groupId, ends } = await setUp(t);
  await groups.offsets.commit(groupId, at(...ends.map((end) => end + 100n)), FILTER);
  assert.equal((await client.getSubscription({ name })).subscription?.backlogEvents, 0n);
});

test('subscriptions are listed page by page in the order of their names, and other groups are not', async (t) => {
  const { client, groups, topic, name } = await setUp(t);
  const names = ['c', 'a', 'd', 'b'].map((letter) => `${name}.${letter}`);
  const ids = [...names.slice(1).map((each) => subscriptionGroupId(topic, each)), olderGroupId(names[0]!)];
  for (const group of [...ids, name, `orders-stream.${name}.NOT`, subscriptionGroupId('other', name)]) {
    await groups.offsets.commit(group, at(0n), FILTER);
  }
  const seen: string[] = [];
  let pages = 0;
  for (let pageToken = ''; pages === 0 || pageToken !== ''; pages += 1) {
    const page = await client.listSubscriptions({ pageSize: 3, pageToken });
    assert.ok(page.subscriptions.length <= 3);
    seen.push(...page.subscriptions.map((subscription) => subscription.name));
    pageToken = page.nextPageToken;
    // One that vanishes between two pages leaves no hole in those after it.
    if (seen.includes(names[1]!)) await client.deleteSubscription({ name: names[1]! }).catch(() => undefined);
  }
  assert.deepEqual(seen, seen.toSorted());
  assert.deepEqual(
    seen.filter((each) => each.startsWith(name)),
    names.toSorted(),
  );
});

test('a seek moves all partitions, to each kind of position, and keeps the filter', async (t) => {
  const { client, groups, name, groupId, ends, range } = await setUp(t);
  await groups.offsets.commit(groupId, at(1n), FILTER);
  const token = encodeResumeToken({
    kind: 'offsets',
    topicId: (decodeResumeToken(range.latestToken) as { topicId: string }).topicId,
    next: ends.map((end) => end / 2n),
  });
  const positions: [StartPosition['position'], readonly bigint[]][] = [
    [{ $case: 'latest', value: true }, ends],
    [{ $case: 'earliest', value: true }, zeros],
    [{ $case: 'resumeToken', value: token }, ends.map((end) => end / 2n)],
    [{ $case: 'startTime', value: new Date() }, ends],
    [{ $case: 'startTime', value: new Date(0) }, zeros],
  ];
  for (const [position, expected] of positions) {
    const { subscription } = await seek(client, name, position);
    assert.deepEqual(offsetsOf(subscription!.committedToken), expected);
    const committed = await groups.offsets.fetch(groupId);
    assert.deepEqual(
      [...committed.values()],
      expected.map((offset) => ({ offset, metadata: FILTER })),
    );
  }
});

test('while a subscription has streams it is neither moved nor deleted; once they have ended, it is', async (t) => {
  const { client, groups, name, groupId } = await setUp(t);
  const member = await join(t, groups, groupId);
  const calls = [
    (options?: CallOptions) => seek(client, name, { $case: 'latest', value: true }, options),
    (options?: CallOptions) => client.deleteSubscription({ name }, options),
  ];
  for (const call of calls) {
    assert.deepEqual(await failureOf(call), {
      code: Status.FAILED_PRECONDITION,
      why: 'SUBSCRIPTION_HAS_MEMBERS',
      retries: false,
    });
  }
  await member.stop();
  for (const call of calls) await call();
  assert.equal(await groups.offsets.describe(groupId), undefined);
});

test('a subscription that an older gateway has left is one of its topic: told, moved, and gone once it is deleted', async (t) => {
  const { client, groups, name, groupId, ends } = await setUp(t);
  const olderId = olderGroupId(name);
  await groups.offsets.commit(olderId, at(ends[0]!, 1n), FILTER);
  const { subscription: found } = await client.getSubscription({ name });
  assert.deepEqual(offsetsOf(found!.committedToken), [ends[0]!, 1n, ...zeros.slice(2)]);

  const older = await join(t, groups, olderId);
  const { subscription: used } = await client.getSubscription({ name });
  assert.equal(used?.members, 1);
  const latest = (options?: CallOptions) => seek(client, name, { $case: 'latest', value: true }, options);
  for (const call of [latest, (options: CallOptions) => client.deleteSubscription({ name }, options)]) {
    assert.equal((await failureOf(call)).why, 'SUBSCRIPTION_HAS_MEMBERS');
  }
  await older.stop();
  const moved = await eventually(() => latest());
  assert.deepEqual(offsetsOf(moved.subscription!.committedToken), ends);
  assert.equal((await groups.offsets.fetch(groupId)).get(1)?.metadata, FILTER);
  await client.deleteSubscription({ name });
  for (const id of [olderId, groupId]) assert.equal(await groups.offsets.describe(id), undefined);
  assert.equal(
    (await failureOf((options) => client.getSubscription({ name }, options))).why,
    'SUBSCRIPTION_NOT_FOUND',
  );
});

test('an unknown subscription is not found', async (t) => {
  const { client, name } = await setUp(t);
  for (const call of [
    (options: CallOptions) => client.getSubscription({ name }, options),
    (options: CallOptions) => client.deleteSubscription({ name }, options),
    (options: CallOptions) => seek(client, name, { $case: 'earliest', value: true }, options),
  ]) {
    assert.deepEqual(await failureOf(call), {
      code: Status.NOT_FOUND,
      why: 'SUBSCRIPTION_NOT_FOUND',
      retries: false,
    });
  }
});

test('wrong requests name their fields, and a position outside the log tells where the log is', async (t) => {
  const { client, groups, name, groupId, ends, range } = await setUp(t);
  await groups.offsets.commit(groupId, at(0n), FILTER);
  const point = decodeResumeToken(range.latestToken);
  assert.ok(point.kind === 'offsets');
  const ahead = encodeResumeToken({ ...point, next: ends.map((end) => end + 1n) });
  const foreign = encodeResumeToken({ ...point, topicId: Buffer.alloc(16).toString('base64url') });
  const token = (value: string) => ({ $case: 'resumeToken' as const, value });
  const future = { $case: 'startTime' as const, value: new Date(Date.now() + 3_600_000) };
  const expectations: [(options: CallOptions) => Promise<unknown>, Status, string][] = [
    [(options) => client.getSubscription({ name: 'Upper' }, options), Status.INVALID_ARGUMENT, 'name'],
    [(options) => client.deleteSubscription({}, options), Status.INVALID_ARGUMENT, 'name'],
    [
      (options) => client.listSubscriptions({ pageSize: -1, pageToken: '%' }, options),
      Status.INVALID_ARGUMENT,
      'page_size page_token',
    ],
    [(options) => client.seekSubscription({ name: '' }, options), Status.INVALID_ARGUMENT, 'name position'],
    [
      (options) => client.seekSubscription({ name, filter: { orderIds: [''] } }, options),
      Status.INVALID_ARGUMENT,
      'filter.order_ids[0]',
    ],
    [(options) => seek(client, name, future, options), Status.INVALID_ARGUMENT, 'position.start_time'],
    [
      (options) => seek(client, name, token('garbage'), options),
      Status.INVALID_ARGUMENT,
      'position.resume_token',
    ],
    [(options) => seek(client, name, token(ahead), options), Status.OUT_OF_RANGE, 'RESUME_TOKEN_AHEAD'],
    [
      (options) => seek(client, name, token(foreign), options),
      Status.FAILED_PRECONDITION,
      'RESUME_TOKEN_FOREIGN',
    ],
  ];
  for (const [call, code, why] of expectations) {
    assert.deepEqual(await failureOf(call), { code, why, retries: false });
  }
  assert.equal((await groups.offsets.fetch(groupId)).get(0)?.offset, 0n);
});
