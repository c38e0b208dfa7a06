import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestTopic } from '../../../../test/harness/index.ts';
import { createLogReader } from '../read/log-reader.ts';
import { createUnfencedAppender } from './unfenced-append.ts';

test('of appends to one partition at the same time none is lost, and each knows its place', async (t) => {
  const { connection, topic } = await createTestTopic(t, { partitions: 2 });
  const config = { ...connection, clientId: 'test' };
  const appender = createUnfencedAppender(config, topic, 'a record');
  const reader = createLogReader({ ...config, topic, isolation: 'uncommitted' });
  t.after(() => {
    appender.close();
    reader.close();
  });
  const signal = AbortSignal.timeout(60_000);
  const names = Array.from({ length: 40 }, (_, index) => `${index % 2}/${index}`);
  const places = await Promise.all(
    names.map(async (name) => {
      const record = { key: name, value: name, headers: {} };
      return `${name} ${await appender.append(Number(name[0]), [record], signal)}`;
    }),
  );
  const found: string[] = [];
  const [from, to] = [await reader.offsets('earliest'), await reader.offsets('latest')];
  await reader.read(
    from,
    to,
    ({ records }) => {
      for (const { value, offset } of records) found.push(`${String(value)} ${offset}`);
    },
    signal,
  );
  assert.deepEqual(found.toSorted(), places.toSorted());
});
