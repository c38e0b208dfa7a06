import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Metadata, Status } from 'nice-grpc-common';
import { decodeErrorDetails, encodeErrorDetails, ERROR_DETAILS_TRAILER } from './error-details.ts';
import { ErrorInfo } from './gen/google/rpc/error_details.ts';
import { Status as RpcStatus } from './gen/google/rpc/status.ts';

const trailerOf = (bytes: Uint8Array) => Metadata().set(ERROR_DETAILS_TRAILER, bytes);

test('details are read as they were written', () => {
  const details = {
    violations: [{ field: 'filter.statuses[1]', description: 'must be a status' }],
    info: { reason: 'SLOW_CONSUMER', domain: 'orders.v1', metadata: { resume_token: 'x' } },
    retryDelayMs: 1_500.25,
  };
  const bytes = encodeErrorDetails(Status.RESOURCE_EXHAUSTED, 'too slow', details);
  assert.deepEqual(decodeErrorDetails(trailerOf(bytes)), details);
});

test('a reason of somebody else is no reason of a gateway', () => {
  const info = ErrorInfo.encode({ reason: 'JWT_EXPIRED', domain: 'proxy.example', metadata: {} });
  const typeUrl = 'type.googleapis.com/google.rpc.ErrorInfo';
  const bytes = RpcStatus.encode(
    RpcStatus.fromPartial({ code: 16, details: [{ typeUrl, value: Buffer.from(info.finish()) }] }),
  ).finish();
  assert.deepEqual(decodeErrorDetails(trailerOf(bytes)), {});
});

test('details that cannot be read are none: the client must go on as after any failure', () => {
  const whole = encodeErrorDetails(Status.UNAVAILABLE, 'gone', { retryDelayMs: 1_000 });
  for (const garbage of [Uint8Array.of(0xff), whole.subarray(0, -3), new Uint8Array(40).fill(0x0f)]) {
    assert.deepEqual(decodeErrorDetails(trailerOf(garbage)), {});
  }
});
