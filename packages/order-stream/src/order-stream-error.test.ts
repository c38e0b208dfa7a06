import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClientError, Status } from 'nice-grpc-common';
import { type Verdict, verdictOn } from './order-stream-error.ts';

const OF_GATEWAY = { info: { reason: 'A_REASON', metadata: {} } };
const WRONG_FIELD = { violations: [{ field: 'filter', description: 'must be right' }] };
const WITH_A_TIME = { retryDelayMs: 1_000 };

/** Without details, and with those of a gateway. */
const VERDICTS: readonly [Status, Verdict, Verdict][] = [
  // gRPC and proxies never say these.
  [Status.INVALID_ARGUMENT, 'final', 'final'],
  [Status.OUT_OF_RANGE, 'final', 'final'],
  [Status.FAILED_PRECONDITION, 'final', 'final'],
  // HTTP 401, 403 and 404 become these.
  [Status.UNAUTHENTICATED, 'unexplained', 'unauthenticated'],
  [Status.PERMISSION_DENIED, 'unexplained', 'final'],
  [Status.UNIMPLEMENTED, 'unexplained', 'final'],
  // HTTP 429, 502, 503 and 504 become UNAVAILABLE.
  [Status.UNAVAILABLE, 'interrupted', 'interrupted'],
  [Status.DEADLINE_EXCEEDED, 'interrupted', 'interrupted'],
  [Status.CANCELLED, 'interrupted', 'interrupted'],
  [Status.ABORTED, 'interrupted', 'interrupted'],
  // Trailers that are too long, for clients in Python and in Node.js; HTTP 400; any other HTTP status.
  [Status.RESOURCE_EXHAUSTED, 'unexplained', 'interrupted'],
  [Status.INTERNAL, 'unexplained', 'interrupted'],
  [Status.UNKNOWN, 'unexplained', 'interrupted'],
  [Status.NOT_FOUND, 'unexplained', 'interrupted'],
];

for (const [code, without, ofGateway] of VERDICTS) {
  test(`${Status[code]} is ${without} by itself, ${ofGateway} from a gateway`, () => {
    const error = new ClientError('/orders.v1.OrderStreamService/WatchOrders', code, 'no');
    assert.equal(verdictOn(error, {}), without);
    assert.equal(verdictOn(error, OF_GATEWAY), ofGateway);
    assert.equal(verdictOn(error, WRONG_FIELD), ofGateway);
  });
}

test('a time to come back is reason enough to come back', () => {
  const error = new ClientError('/orders.v1.OrderStreamService/WatchOrders', Status.RESOURCE_EXHAUSTED, 'no');
  assert.equal(verdictOn(error, WITH_A_TIME), 'interrupted');
});

test('a connection that broke is an interruption', () => {
  assert.equal(verdictOn(new Error('silent for 300 ms'), {}), 'interrupted');
});
