import assert from 'node:assert/strict';
import { test } from 'node:test';
import { foldersFor, versionRuns } from './version-runs.ts';

const names = (words: readonly string[]) =>
  versionRuns(words).map((run) =>
    run.kind === 'refusal' ? `not ${run.postgres}` : `${run.postgres} ${run.kafka}`,
  );

test('each PostgreSQL and each Kafka is run once with the default of the other', () => {
  assert.deepEqual(names([]), ['not 14', '15 4.3', '16 4.3', '17 4.3', '18 4.3', '18 4.4', '18 3.9']);
});

test('fewer can be chosen, by the name of the server and the line', () => {
  assert.deepEqual(names(['postgres', '15', 'kafka', '3.9']), ['15 4.3', '18 3.9']);
});

test('another server meets what speaks to it, the default pair all', () => {
  const [sql, wire] = [['packages/database/', 'packages/outbox/'], ['packages/messaging/']];
  assert.deepEqual(foldersFor({ postgres: '15', kafka: '4.3' }), [...sql, 'apps/relay/']);
  assert.deepEqual(foldersFor({ postgres: '18', kafka: '3.9' }), [...wire, 'apps/relay/']);
  assert.deepEqual(foldersFor({ postgres: '18', kafka: '4.3' }), [...sql, ...wire, 'apps/relay/']);
});

test('what is no server, no line or no pair is said', () => {
  assert.throws(() => versionRuns(['mysql', '8']), /mysql is none of postgres, kafka/);
  assert.throws(() => versionRuns(['kafka', '2.8']), /VERSIONS: kafka: 2\.8 is none of .*3\.9/);
  assert.throws(() => versionRuns(['postgres']), /pairs such as “postgres 15 kafka 3\.9”/);
});
