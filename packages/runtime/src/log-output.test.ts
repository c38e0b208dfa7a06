import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createLogOutput } from './log-output.ts';

/** An output whose reader takes so many bytes and then no more. */
function createReader(maxWaitingBytes: number) {
  let read = '';
  let room = 0;
  const output = createLogOutput({
    writeSome(bytes) {
      const taken = bytes.subarray(0, room);
      room -= taken.length;
      read += Buffer.from(taken).toString('latin1');
      return taken.length;
    },
    maxWaitingBytes,
    droppedNotice: (lines) => `${lines} dropped\n`,
  });
  return {
    output,
    lines: () => read.split('\n').slice(0, -1),
    take(bytes: number) {
      room = bytes;
      output.flush(0);
    },
  };
}

test('whenever the reader reads, it gets whole lines in order, and is told of every one that is missing', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('write' as const), length: fc.integer({ min: 1, max: 40 }) }),
    fc.record({ kind: fc.constant('take' as const), bytes: fc.integer({ min: 0, max: 60 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { output, lines, take } = createReader(100);
      let written = 0;
      for (const one of steps) {
        if (one.kind === 'take') take(one.bytes);
        else output.write(`${(written += 1)}${'.'.repeat(one.length)}\n`);
      }
      take(1_000_000);
      const numbers = lines()
        .filter((line) => line.endsWith('.'))
        .map((line) => parseInt(line, 10));
      const told = lines()
        .filter((line) => line.endsWith('dropped'))
        .map((line) => parseInt(line, 10));
      assert.deepEqual(
        numbers,
        numbers.toSorted((a, b) => a - b),
      );
      assert.equal(numbers.length + told.reduce((sum, count) => sum + count, 0), written);
      assert.equal(numbers.length + output.droppedLines(), written);
    }),
  );
});

test('the last line of a crash is kept however many wait', () => {
  const { output, lines, take } = createReader(20);
  output.write('waits\n');
  output.write('is too much to be kept\n');
  output.lastLevel = 60;
  output.write('the reason of the crash\n');
  take(1_000);
  assert.deepEqual(lines(), ['waits', 'the reason of the crash', '1 dropped']);
});

test('lines flow again by themselves when the reader reads', async () => {
  let isReading = false;
  const read = Promise.withResolvers<string>();
  const output = createLogOutput({
    writeSome(bytes) {
      if (!isReading) return 0;
      read.resolve(Buffer.from(bytes).toString());
      return bytes.length;
    },
    maxWaitingBytes: 100,
    droppedNotice: String,
  });
  output.write('a line\n');
  isReading = true;
  // The output keeps no process alive.
  const alive = setInterval(() => undefined, 1_000);
  assert.equal(await read.promise, 'a line\n');
  clearInterval(alive);
});

test('a reader that is gone fails nobody who logs', () => {
  const output = createLogOutput({
    writeSome() {
      throw new Error('EPIPE');
    },
    maxWaitingBytes: 100,
    droppedNotice: String,
  });
  for (let line = 0; line < 10; line += 1) output.write('a line\n');
  output.flush(1_000);
  assert.equal(output.droppedLines(), 10);
});
