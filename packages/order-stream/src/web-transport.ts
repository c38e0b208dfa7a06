import { reasonOf } from '@order-events/runtime/failure-reason';
import { ClientError, Metadata, Status } from 'nice-grpc-common';
import { FetchTransport } from 'nice-grpc-web';

type Transport = ReturnType<typeof FetchTransport>;

/**
 * How a browser calls: by fetch. What fails on the way ends the call as gRPC would, by a trailer: as UNAVAILABLE, or by the status of
 * HTTP. nice-grpc-web itself would call all of it UNKNOWN, and a gateway that is away could not be told from one that refuses.
 */
export function createWebTransport(): Transport {
  const transport = FetchTransport();
  return async function* (call) {
    try {
      yield* transport(call);
    } catch (error) {
      if (call.signal.aborted) throw error;
      yield { type: 'trailer', trailer: trailerOf(error) };
    }
  };
}

function trailerOf(error: unknown): Metadata {
  const [code, text] =
    error instanceof ClientError ? [error.code, error.details] : [Status.UNAVAILABLE, reasonOf(error)];
  return Metadata({ 'grpc-status': String(code), 'grpc-message': encodeURIComponent(text) });
}
