import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { createRecords, createWriterBench, soon } from '../../testing/writer-bench.ts';

const HOUR_MS = 3_600_000;

for (const [what, config, clockErrorMs, isDated] of [
  [
    '2 h ahead',
    { 'message.timestamp.type': 'CreateTime', 'message.timestamp.after.max.ms': `${HOUR_MS}` },
    2 * HOUR_MS,
    false,
  ],
  [
    '2 h behind',
    { 'message.timestamp.type': 'CreateTime', 'message.timestamp.before.max.ms': `${HOUR_MS}` },
    -2 * HOUR_MS,
    false,
  ],
  ['nothing wrong, and the time of the writer', { 'message.timestamp.type': 'CreateTime' }, 0, true],
  ['2 h ahead, and the time of the broker', { 'message.timestamp.type': 'LogAppendTime' }, 2 * HOUR_MS, true],
] as const) {
  test(`a clock with ${what} holds nothing back, and appends once`, async (t) => {
    const misdated = mock.fn();
    const { writer, values, reader } = await createWriterBench(t, { config });
    const log = writer({ observer: { misdated } });
    const now = Date.now.bind(Date);
    const clock = mock.method(Date, 'now', () => now() + clockErrorMs);
    t.after(() => clock.mock.restore());
    await log.claim(0, soon());
    for (const value of ['a', 'b', 'c']) {
      assert.equal((await log.append(0, createRecords(value), soon())).kind, 'appended');
    }
    assert.deepEqual(await values(), ['a', 'b', 'c']);
    assert.equal(misdated.mock.callCount(), isDated ? 0 : 1, 'asked once in a while, not with every batch');
    await reader.read(await reader.offsets('earliest'), await reader.offsets('latest'), ({ records }) => {
      for (const { timestampMs } of records) {
        if (isDated) assert.ok(Math.abs(timestampMs - now()) < 60_000);
        else assert.equal(timestampMs, -1);
      }
    });
  });
}
