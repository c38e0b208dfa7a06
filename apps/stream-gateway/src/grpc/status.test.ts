import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeErrorDetails, RESUME_TOKEN_TRAILER } from '@order-events/order-stream';
import fc from 'fast-check';
import { Metadata, Status } from 'nice-grpc-common';
import { StreamError } from '../stream/stream-error.ts';
import { encodeResumeToken } from '../position/resume-token.ts';
import { readFields } from './request-fields.ts';
import { toServerError } from './status.ts';

/** What Python and Java take by default, and some proxies. */
const MAX_TRAILER_BYTES = 8_192;

/** The size of a failed call's trailers, as HTTP/2 counts it. */
function trailerBytes(message: string, trailer: Metadata): number {
  const entry = (name: string, value: string) => name.length + value.length + 32;
  let bytes = entry('grpc-status', '13') + entry('grpc-message', encodeURI(message));
  bytes += entry(':status', '200') + entry('content-type', 'application/grpc+proto');
  for (const [name, values] of trailer) {
    for (const value of values)
      bytes += entry(name, typeof value === 'string' ? value : Buffer.from(value).toString('base64'));
  }
  return bytes;
}

function answerTo(error: unknown) {
  const trailer = Metadata();
  const answer = toServerError(error, trailer) ?? assert.fail('no answer');
  return { answer, trailer, bytes: trailerBytes(answer.details, trailer) };
}

function refusal(count: number, description: string): unknown {
  try {
    readFields('', (refuse) => {
      for (let index = 0; index < count; index += 1) refuse(`filter.order_ids[${index}]`, description);
    });
  } catch (error: unknown) {
    return error;
  }
  return assert.fail('nothing was refused');
}

const tokenOf = (partitions: number) =>
  encodeResumeToken({
    kind: 'offsets',
    topicId: 'A'.repeat(22),
    next: Array.from({ length: partitions }, () => 3_000_000_000n),
  });

test('of 600 wrong fields the first ten are named, and how many there are more', () => {
  const { answer, trailer, bytes } = answerTo(refusal(600, 'must have 1 to 200 characters'));
  assert.equal(answer.code, Status.INVALID_ARGUMENT);
  assert.match(answer.details, /^filter\.order_ids\[0\]: must have 1 to 200 characters; .*… and 59\d more$/);
  const { violations } = decodeErrorDetails(trailer);
  assert.deepEqual(
    violations?.map(({ field }) => field),
    Array.from({ length: 10 }, (_, index) => `filter.order_ids[${index}]`),
  );
  assert.ok(bytes < MAX_TRAILER_BYTES / 2, String(bytes));
});

test('tokens of a topic of some hundred partitions are in the details; longer ones are left to GetReplayRange', () => {
  const expired = (partitions: number) => {
    const details = { earliest_token: tokenOf(partitions), latest_token: tokenOf(partitions) };
    return answerTo(new StreamError('RESUME_TOKEN_EXPIRED', 'too old', { details }));
  };
  const { trailer } = expired(200);
  assert.deepEqual(decodeErrorDetails(trailer).info?.metadata, {
    earliest_token: tokenOf(200),
    latest_token: tokenOf(200),
  });
  const { answer, bytes, trailer: without } = expired(10_000);
  assert.equal(answer.code, Status.OUT_OF_RANGE);
  assert.equal(decodeErrorDetails(without).info?.reason, 'RESUME_TOKEN_EXPIRED');
  assert.deepEqual(decodeErrorDetails(without).info?.metadata, {});
  assert.ok(bytes <= MAX_TRAILER_BYTES, String(bytes));
});

test('whatever an error carries, its trailers are no longer than clients take', () => {
  const text = fc
    .tuple(fc.string({ unit: 'binary', minLength: 1, maxLength: 5 }), fc.integer({ min: 0, max: 4_000 }))
    .map(([piece, times]) => piece.repeat(times));
  const error = fc.oneof(
    fc.tuple(fc.integer({ min: 1, max: 4_000 }), text).map(([count, given]) => refusal(count, given)),
    fc
      .record({ message: text, partitions: fc.integer({ min: 0, max: 2_000 }), resumes: fc.boolean() })
      .map(({ message, partitions, resumes }) => {
        const token = tokenOf(partitions);
        const details = resumes
          ? { backlog_events: '9'.repeat(18), resume_token: token }
          : { earliest_token: token, latest_token: token };
        return new StreamError('SLOW_CONSUMER', message, { details });
      }),
    text.map(
      (message) => new StreamError('RESUME_TOKEN_MALFORMED', message, { field: 'start.resume_token' }),
    ),
  );
  fc.assert(
    fc.property(error, (given) => {
      const { bytes, trailer } = answerTo(given);
      assert.ok(bytes <= MAX_TRAILER_BYTES, String(bytes));
      assert.ok(decodeErrorDetails(trailer).info ?? decodeErrorDetails(trailer).violations);
      const token = decodeErrorDetails(trailer).info?.metadata['resume_token'];
      assert.equal(trailer.get(RESUME_TOKEN_TRAILER), token);
    }),
    { numRuns: 60, endOnFailure: true },
  );
});
