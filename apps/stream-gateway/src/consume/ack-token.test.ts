import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { encodeCheckedToken, MalformedTokenError } from '../position/checked-token.ts';
import { encodeResumeToken } from '../position/resume-token.ts';
import { type AckPoint, decodeAckToken, encodeAckToken } from './ack-token.ts';

const points: fc.Arbitrary<AckPoint> = fc
  .tuple(fc.uuid(), fc.maxSafeNat())
  .map(([streamId, messageNumber]) => ({ streamId, messageNumber }));

test('a token stands for the message it was made of, and is short', () => {
  fc.assert(
    fc.property(points, (point) => {
      const token = encodeAckToken(point);
      assert.deepEqual(decodeAckToken(token), point);
      assert.ok(token.length <= 40, token);
    }),
  );
});

test('whatever else is passed as a token is malformed, and nothing worse', () => {
  const isMalformed = (token: string) => assert.throws(() => decodeAckToken(token), MalformedTokenError);
  fc.assert(fc.property(fc.string(), isMalformed));
  fc.assert(
    fc.property(points, fc.nat(), fc.integer({ min: 1, max: 255 }), (point, place, change) => {
      const bytes = Buffer.from(encodeAckToken(point), 'base64url');
      const index = place % bytes.length;
      bytes[index] = bytes[index]! ^ change;
      isMalformed(bytes.toString('base64url'));
    }),
  );
  isMalformed(encodeResumeToken({ kind: 'log time', logTimeMs: 0 }));
});

test('with a right checksum, too, a token is either a point or malformed', () => {
  fc.assert(
    fc.property(fc.constantFrom(1, 2, 3), fc.uint8Array({ maxLength: 40 }), (kind, body) => {
      try {
        const { messageNumber } = decodeAckToken(encodeCheckedToken({ kind, body }));
        assert.ok(Number.isSafeInteger(messageNumber) && messageNumber >= 0);
      } catch (error) {
        assert.ok(error instanceof MalformedTokenError, String(error));
      }
    }),
    { numRuns: 1_000 },
  );
});
