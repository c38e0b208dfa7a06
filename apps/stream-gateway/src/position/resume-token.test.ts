import assert from 'node:assert/strict';
import test from 'node:test';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { StreamError } from '../stream/stream-error.ts';
import { decodeResumeToken, encodeResumeToken, type ResumePoint, resumePoint } from './resume-token.ts';

const topicIds = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((id) => Buffer.from(id).toString('base64url'));
const offsets = fc.array(fc.bigInt(0n, 2n ** 63n - 1n), { maxLength: 40 });
const times = fc.nat({ max: 8_640_000_000_000_000 });
const points: fc.Arbitrary<ResumePoint> = fc.oneof(
  fc.tuple(topicIds, offsets).map(([topicId, next]): ResumePoint => ({ kind: 'offsets', topicId, next })),
  times.map((logTimeMs): ResumePoint => ({ kind: 'log time', logTimeMs })),
  fc
    .tuple(topicIds, fc.array(fc.option(fc.bigInt(0n, 2n ** 63n - 1n), { nil: undefined })), times)
    .map(([topicId, next, logTimeMs]) => resumePoint(topicId, next, logTimeMs)),
);

test('a token stands for the point it was made of', () => {
  fc.assert(
    fc.property(points, (point) => {
      assert.deepEqual(decodeResumeToken(encodeResumeToken(point)), point);
    }),
  );
});

test('a token of twelve partitions is short', () => {
  const next = Array.from({ length: 12 }, () => 1_000_000n);
  const token = encodeResumeToken({ kind: 'offsets', topicId: 'A'.repeat(22), next });
  assert.ok(token.length < 100, `${token.length} characters`);
});

test('whatever else is passed as a token is malformed, and nothing worse', () => {
  const isMalformed = (token: string) => {
    assert.throws(
      () => decodeResumeToken(token),
      (error) => error instanceof StreamError && error.reason === 'RESUME_TOKEN_MALFORMED',
    );
  };
  fc.assert(fc.property(fc.string(), isMalformed));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) =>
      isMalformed(Buffer.from(bytes).toString('base64url')),
    ),
  );
  for (const token of ['', '=', 'AQ', 'A'.repeat(200_000)]) isMalformed(token);
});

test('a token in which anything was changed is malformed', () => {
  fc.assert(
    fc.property(points, fc.nat(), fc.integer({ min: 1, max: 255 }), (point, place, change) => {
      const bytes = Buffer.from(encodeResumeToken(point), 'base64url');
      const index = place % bytes.length;
      bytes[index] = bytes[index]! ^ change;
      assert.throws(() => decodeResumeToken(bytes.toString('base64url')), StreamError);
    }),
  );
});

test('with a right checksum, too, a token is either a point or malformed', () => {
  fc.assert(
    fc.property(fc.constantFrom(0, 1, 3), fc.uint8Array({ maxLength: 64 }), (kind, content) => {
      const body = Buffer.from([1, kind, ...content]);
      const checksum = Buffer.alloc(4);
      checksum.writeUInt32BE(crc32(body));
      const token = Buffer.concat([body, checksum]).toString('base64url');
      try {
        const point = decodeResumeToken(token);
        if (point.kind !== 'offsets') assert.ok(!Number.isNaN(new Date(point.logTimeMs).getTime()));
        if (point.kind === 'log time') return;
        assert.ok(point.next.every((offset = 0n) => offset >= 0n && offset < 2n ** 63n));
        assert.equal(
          point.next.some((offset) => offset === undefined),
          point.kind === 'offsets or log time',
        );
      } catch (error) {
        assert.ok(error instanceof StreamError, String(error));
      }
    }),
    { numRuns: 1_000 },
  );
});

test('a token of a later version says so', () => {
  const body = Buffer.from([2, 0]);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(body));
  const token = Buffer.concat([body, checksum]).toString('base64url');
  assert.throws(() => decodeResumeToken(token), /is of version 2, this server knows 1/);
});
