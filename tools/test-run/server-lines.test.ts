import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chosenLines } from './server-lines.ts';

test('a run is against the default lines, or those that its environment names', () => {
  assert.deepEqual(chosenLines({}), { postgres: '18', kafka: '4.3' });
  const env = { TEST_POSTGRES_LINE: '15', TEST_KAFKA_LINE: '3.9' };
  assert.deepEqual(chosenLines(env), { postgres: '15', kafka: '3.9' });
});

test('a line that there is none of is refused, with those that there are', () => {
  assert.throws(
    () => chosenLines({ TEST_KAFKA_LINE: '2.8' }),
    /TEST_KAFKA_LINE: 2\.8 is none of 4\.4, .*3\.9/,
  );
});
