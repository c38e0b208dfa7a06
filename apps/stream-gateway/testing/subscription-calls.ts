import assert from 'node:assert/strict';
import {
  decodeErrorDetails,
  type OrderStreamServiceClient,
  type StartPosition,
} from '@order-events/order-stream';
import { type CallOptions, ClientError, Metadata } from 'nice-grpc-common';

/** How a call fails: its code, the reason or the wrong fields, and whether it says when to try again. */
export async function failureOf(call: (options: CallOptions) => Promise<unknown>) {
  let trailer = Metadata();
  try {
    await call({ onTrailer: (received) => (trailer = received) });
  } catch (error) {
    assert.ok(error instanceof ClientError);
    const { info, violations, retryDelayMs } = decodeErrorDetails(trailer);
    return {
      code: error.code,
      why: info?.reason ?? violations?.map(({ field }) => field).join(' '),
      retries: retryDelayMs !== undefined,
    };
  }
  throw new assert.AssertionError({ message: 'the call did not fail' });
}

export const seek = (
  client: OrderStreamServiceClient,
  name: string,
  position: StartPosition['position'],
  options?: CallOptions,
) => client.seekSubscription({ name, position: { position } }, options);
