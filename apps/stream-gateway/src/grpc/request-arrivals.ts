import { StreamError } from '../stream/stream-error.ts';

export interface RequestArrivalOptions {
  /** A request has so long to arrive. */
  readonly deadlineMs: number;
  /** Most calls at a time whose request has not arrived. */
  readonly maxCalls: number;
  /** What of unfinished requests may be in memory. */
  readonly maxBytes: number;
  readonly onRefused: (reason: StreamError['reason']) => void;
}

/** The bytes of a request, of whatever protocol. */
export interface ArrivingRequest {
  on(event: 'data', listener: (chunk: Buffer) => void): unknown;
  off(event: 'data', listener: (chunk: Buffer) => void): unknown;
}

/** Calls that have not said yet what they want: headers may come without a request, and a request without its end. */
export interface RequestArrivals {
  /**
   * A call has begun; its request comes on `stream`. `refuse` is told, once, when there are too many such calls or bytes, or when it
   * takes too long. Answers whom to tell that the request is there, or the call over.
   */
  expect(stream: ArrivingRequest, refuse: (error: StreamError) => void): () => void;
  /** How many there are. */
  calls(): number;
}

export function createRequestArrivals(options: RequestArrivalOptions): RequestArrivals {
  const { deadlineMs, maxCalls, maxBytes, onRefused } = options;
  let calls = 0;
  let allBytes = 0;

  return {
    expect(stream, refuse) {
      let bytes = 0;
      let isWaiting = true;
      calls += 1;

      function settle(): void {
        if (!isWaiting) return;
        isWaiting = false;
        clearTimeout(timer);
        stream.off('data', count);
        calls -= 1;
        allBytes -= bytes;
      }

      function fail(error: StreamError): void {
        if (!isWaiting) return;
        settle();
        onRefused(error.reason);
        refuse(error);
      }

      function count(chunk: Buffer): void {
        bytes += chunk.length;
        allBytes += chunk.length;
        if (allBytes > maxBytes) fail(tooMuch(maxBytes));
      }

      const timer = setTimeout(() => fail(tooLate(deadlineMs)), deadlineMs);
      stream.on('data', count);
      if (calls > maxCalls) fail(tooMany(maxCalls));
      return settle;
    },
    calls: () => calls,
  };
}

function tooLate(ms: number): StreamError {
  return new StreamError('REQUEST_NOT_SENT', `the request has not arrived within ${ms} ms`);
}

function tooMany(calls: number): StreamError {
  const text = `this server waits for the requests of ${calls} calls, its limit: try another one, or later`;
  return new StreamError('TOO_MANY_WATCHERS', text);
}

function tooMuch(bytes: number): StreamError {
  const text = `unfinished requests take ${bytes} bytes of this server, its limit: try another one, or later`;
  return new StreamError('REQUEST_MEMORY_EXHAUSTED', text);
}
