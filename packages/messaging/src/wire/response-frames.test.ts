import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFrameSplitter } from './response-frames.ts';

function frame(text: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(Buffer.byteLength(text));
  return Buffer.concat([length, Buffer.from(text)]);
}

const stream = Buffer.concat([frame('first'), frame(''), frame('x'.repeat(300)), frame('last')]);

for (const chunkBytes of [1, 2, 3, 4, 5, 7, 64, stream.length]) {
  test(`responses are whole whatever the chunks are (${chunkBytes} bytes each)`, () => {
    const frames: string[] = [];
    const split = createFrameSplitter((bytes) => frames.push(bytes.toString()));
    for (let start = 0; start < stream.length; start += chunkBytes) {
      split(stream.subarray(start, start + chunkBytes));
    }
    assert.deepEqual(frames, ['first', '', 'x'.repeat(300), 'last']);
  });
}

test('a stream that cannot be a broker is refused before it is buffered', () => {
  const split = createFrameSplitter(() => assert.fail('there is no response'));
  assert.throws(() => split(Buffer.from('HTTP/1.1 400 Bad Request\r\n')), /not a Kafka broker\?/);
});
